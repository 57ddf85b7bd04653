import { hash } from "node:crypto";

/**
 * MariaDB's client_ed25519: an Ed25519 signature of the nonce whose secret is SHA-512 of the password itself, of any length,
 * where RFC 8032 has SHA-512 of a 32-byte seed. Node signs only with seeds, hence the curve here. It is slow (a
 * millisecond) and its time depends on the secret: fit for the proxy's own logins at its servers, for nothing that
 * others can measure or trigger at will.
 */
export const ED25519_NONCE_BYTES = 32;

/** The field's prime. */
const P = 2n ** 255n - 19n;
/** The order of the base point. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * power(121666n, P - 2n));
const TWICE_D = mod(2n * D);

/** Extended coordinates (RFC 8032, 5.1.4): x = X/Z, y = Y/Z, x * y = T/Z. */
interface Point {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
  readonly t: bigint;
}

const IDENTITY: Point = { x: 0n, y: 1n, z: 1n, t: 0n };
const BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202n;
const BASE_Y = mod(4n * power(5n, P - 2n));
const BASE: Point = { x: BASE_X, y: BASE_Y, z: 1n, t: mod(BASE_X * BASE_Y) };

function mod(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

/** Holds for any two points, equal ones too. */
function add(left: Point, right: Point): Point {
  const a = mod((left.y - left.x) * (right.y - right.x));
  const b = mod((left.y + left.x) * (right.y + right.x));
  const c = mod(left.t * TWICE_D * right.t);
  const d = mod(2n * left.z * right.z);
  const e = b - a;
  const f = d - c;
  const g = d + c;
  const h = b + a;
  return { x: mod(e * f), y: mod(g * h), z: mod(f * g), t: mod(e * h) };
}

function multiplyBase(scalar: bigint): Point {
  let result = IDENTITY;
  let doubled = BASE;
  for (let left = scalar; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = add(result, doubled);
    doubled = add(doubled, doubled);
  }
  return result;
}

/** y in 255 bits, the parity of x in the last one. */
function encodePoint(point: Point): Buffer {
  const inverse = power(point.z, P - 2n);
  const x = mod(point.x * inverse);
  const y = mod(point.y * inverse);
  return toBytes(y | ((x & 1n) << 255n));
}

/** 32 bytes, least significant first. */
function toBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();
}

function fromBytes(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

function sha512(...parts: Buffer[]): Buffer {
  return hash("sha512", Buffer.concat(parts), "buffer");
}

interface Secret {
  readonly scalar: bigint;
  readonly prefix: Buffer;
}

function deriveSecret(password: string): Secret {
  const digest = sha512(Buffer.from(password));
  digest[0]! &= 0xf8;
  digest[31] = (digest[31]! & 0x7f) | 0x40;
  return { scalar: fromBytes(digest.subarray(0, 32)), prefix: digest.subarray(32) };
}

/** The 32 bytes that the server keeps, in base64, as the user's authentication string. */
export function ed25519PublicKey(password: string): Buffer {
  return encodePoint(multiplyBase(deriveSecret(password).scalar));
}

/** 64 bytes; none for an empty password, as MariaDB's own clients. */
export function signEd25519(password: string, nonce: Buffer): Buffer {
  if (password === "") return Buffer.alloc(0);
  const { scalar, prefix } = deriveSecret(password);
  const publicKey = encodePoint(multiplyBase(scalar));
  const once = fromBytes(sha512(prefix, nonce)) % ORDER;
  const commitment = encodePoint(multiplyBase(once));
  const challenge = fromBytes(sha512(commitment, publicKey, nonce)) % ORDER;
  return Buffer.concat([commitment, toBytes((once + challenge * scalar) % ORDER)]);
}
