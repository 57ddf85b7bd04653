import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

/**
 * X.509 certificates (RFC 5280) on ECDSA P-256 without a program or package: what a server needs that is given no
 * certificate, and a throw-away authority for local servers. Encoded by hand: DER is tag, length, content.
 */

export interface CertificateOptions {
  readonly commonName: string;
  /** Host names and addresses that clients may verify; also the common name should be among them. */
  readonly altNames: readonly string[];
  readonly days: number;
  /** When it is: an instant, or milliseconds since 1970. */
  readonly now: Date | number;
}

/** Certificate and private key, both PEM. */
export interface KeyedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority that can sign. */
export interface CertificateAuthority extends KeyedCertificate {
  issue(options: CertificateOptions): KeyedCertificate;
}

/** A certificate that vouches for itself. */
export function makeSelfSigned(options: CertificateOptions): KeyedCertificate {
  const keys = newKeys();
  return certify({ options, keys, issuer: { name: options.commonName, keys }, authority: false });
}

/** An authority of its own; whoever trusts `cert` trusts what it issues. */
export function makeCa(options: Omit<CertificateOptions, "altNames">): CertificateAuthority {
  const keys = newKeys();
  const issuer = { name: options.commonName, keys };
  const own = certify({ options: { ...options, altNames: [] }, keys, issuer, authority: true });
  return {
    ...own,
    issue: (wanted) => certify({ options: wanted, keys: newKeys(), issuer, authority: false }),
  };
}

interface Keys {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

interface Request {
  readonly options: CertificateOptions;
  readonly keys: Keys;
  readonly issuer: { readonly name: string; readonly keys: Keys };
  readonly authority: boolean;
}

const DAY_MS = 86_400_000;
/** Milliseconds a certificate is valid before it was made: clocks differ between machines. */
const CLOCK_SKEW_MS = 3_600_000;

const Oid = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Context tag number n, plain or holding further values. */
const plain = (n: number): number => 0x80 + n;
const holding = (n: number): number => 0xa0 + n;

function newKeys(): Keys {
  return generateKeyPairSync("ec", { namedCurve: "prime256v1" });
}

function certify({ options, keys, issuer, authority }: Request): KeyedCertificate {
  const now = new Date(options.now).getTime();
  const algorithm = der(Tag.sequence, oid(Oid.ecdsaWithSha256));
  const body = der(
    Tag.sequence,
    der(holding(0), integer(2)), // version 3
    der(Tag.integer, serial()),
    algorithm,
    distinguishedName(issuer.name),
    der(Tag.sequence, time(now - CLOCK_SKEW_MS), time(now + options.days * DAY_MS)),
    distinguishedName(options.commonName),
    keys.publicKey.export({ type: "spki", format: "der" }),
    der(holding(3), der(Tag.sequence, ...extensions({ options, keys, issuer, authority }))),
  );
  const signature = sign("sha256", body, issuer.keys.privateKey);
  const whole = der(Tag.sequence, body, algorithm, bitString(signature, 0));
  return {
    cert: pem("CERTIFICATE", whole),
    key: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function extensions({ options, keys, issuer, authority }: Request): Buffer[] {
  const usage = authority ? Buffer.of(0b0000_0110) : Buffer.of(0b1000_0000); // sign certificates and lists · sign
  const found = [
    extension(Oid.subjectKeyIdentifier, der(Tag.octetString, keyId(keys))),
    extension(Oid.authorityKeyIdentifier, der(Tag.sequence, der(plain(0), keyId(issuer.keys)))),
    extension(
      Oid.basicConstraints,
      authority ? der(Tag.sequence, der(Tag.boolean, Buffer.of(0xff))) : der(Tag.sequence),
      true,
    ),
    extension(Oid.keyUsage, bitString(usage, authority ? 1 : 7), true),
  ];
  if (!authority)
    found.push(
      extension(Oid.extendedKeyUsage, der(Tag.sequence, oid(Oid.serverAuth), oid(Oid.clientAuth))),
    );
  if (options.altNames.length > 0) {
    found.push(extension(Oid.subjectAltName, der(Tag.sequence, ...options.altNames.map(altName))));
  }
  return found;
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  const mark = critical ? [der(Tag.boolean, Buffer.of(0xff))] : [];
  return der(Tag.sequence, oid(id), ...mark, der(Tag.octetString, value));
}

/** A general name: an address where it reads as one, else a host name. */
function altName(name: string): Buffer {
  const family = isIP(name);
  if (family === 0) return der(plain(2), Buffer.from(name, "latin1"));
  return der(plain(7), family === 4 ? Buffer.from(name.split(".").map(Number)) : ipv6(name));
}

/** The sixteen bytes of an IPv6 address, written out or shortened by `::`, with or without an IPv4 tail. */
function ipv6(text: string): Buffer {
  const [address] = text.split("%");
  const hex = address!.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a, b, c, d] = parts.slice(0, 4).map(Number);
    return `${(a! * 256 + b!).toString(16)}:${(c! * 256 + d!).toString(16)}`;
  });
  const [head, tail] = hex.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const zeros = tail === undefined ? 0 : 8 - head!.length - tail.length;
  const groups = [...head!, ...Array<string>(zeros).fill("0"), ...(tail ?? [])];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

function distinguishedName(commonName: string): Buffer {
  const attribute = der(
    Tag.sequence,
    oid(Oid.commonName),
    der(Tag.utf8String, Buffer.from(commonName, "utf8")),
  );
  return der(Tag.sequence, der(Tag.set, attribute));
}

/** SHA-1 of the key's bits: only a name for the key (RFC 5280, 4.2.1.2), no protection rests on it. */
function keyId(keys: Keys): Buffer {
  const spki = keys.publicKey.export({ type: "spki", format: "der" });
  return createHash("sha1").update(spki.subarray(-65)).digest(); // an uncompressed P-256 point: 1 + 32 + 32 bytes
}

/** Positive and without a leading zero byte, as DER wants integers. */
function serial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes;
}

/** Two digits of year up to 2049, four after (RFC 5280, 4.1.2.5). */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+/, "").replace(/[-:T]/g, "");
  const short = digits < "2050";
  return der(
    short ? Tag.utcTime : Tag.generalizedTime,
    Buffer.from(short ? digits.slice(2) : digits, "latin1"),
  );
}

function integer(small: number): Buffer {
  return der(Tag.integer, Buffer.of(small));
}

function bitString(bits: Buffer, unused: number): Buffer {
  return der(Tag.bitString, Buffer.of(unused), bits);
}

function oid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const bytes = [first! * 40 + second!];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(Tag.oid, Buffer.from(bytes));
}

function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length: number[] = [];
  for (let left = body.length; left > 0; left >>>= 8) length.unshift(left & 0xff);
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length, ...length), body]);
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
