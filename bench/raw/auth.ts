import { constants, hash, publicEncrypt } from "node:crypto";
import { encodePacket } from "./walk.ts";

export interface Account {
  user: string;
  password: string;
  database: string;
}

export interface Greeting {
  capabilities: number;
  plugin: string;
  nonce: Buffer;
}

export const CAPABILITY = {
  longPassword: 0x1,
  connectWithDb: 0x8,
  protocol41: 0x200,
  ssl: 0x800,
  transactions: 0x2000,
  secureConnection: 0x8000,
  pluginAuth: 0x80000,
  deprecateEof: 0x1000000,
} as const;

const WANTED =
  CAPABILITY.longPassword |
  CAPABILITY.connectWithDb |
  CAPABILITY.protocol41 |
  CAPABILITY.transactions |
  CAPABILITY.secureConnection |
  CAPABILITY.pluginAuth |
  CAPABILITY.deprecateEof;
const MAX_PACKET = 0x1000000;
const UTF8MB4 = 45;
const NATIVE = "mysql_native_password";
const CACHING = "caching_sha2_password";

export function decodeGreeting(payload: Buffer): Greeting {
  let at = payload.indexOf(0, 1) + 1 + 4;
  const first = payload.subarray(at, at + 8);
  at += 9;
  const low = payload.readUInt16LE(at);
  const high = payload.readUInt16LE(at + 5);
  const nonceBytes = Math.max(13, payload[at + 7]! - 8) - 1;
  at += 18;
  const nonce = Buffer.concat([first, payload.subarray(at, at + nonceBytes)]);
  const end = payload.indexOf(0, at + nonceBytes + 1);
  const plugin = payload.toString("latin1", at + nonceBytes + 1, end < 0 ? payload.length : end);
  return { capabilities: low + high * 0x10000, plugin, nonce };
}

/** The plugin and nonce of a request to switch the method. */
export function decodeSwitch(payload: Buffer): { plugin: string; nonce: Buffer } {
  const end = payload.indexOf(0, 1);
  return {
    plugin: payload.toString("latin1", 1, end),
    nonce: Buffer.from(payload.subarray(end + 1, end + 21)),
  };
}

/** Both methods' answers for one account; what depends on the password alone is computed once. */
export class Credentials {
  readonly account: Account;
  readonly #passwordZero: Buffer;
  readonly #sha1: Buffer;
  readonly #sha1Twice: Buffer;
  readonly #sha256: Buffer;
  readonly #sha256Twice: Buffer;

  constructor(account: Account) {
    this.account = account;
    this.#passwordZero = Buffer.from(`${account.password}\0`);
    this.#sha1 = hash("sha1", account.password, "buffer");
    this.#sha1Twice = hash("sha1", this.#sha1, "buffer");
    this.#sha256 = hash("sha256", account.password, "buffer");
    this.#sha256Twice = hash("sha256", this.#sha256, "buffer");
  }

  scramble(plugin: string, nonce: Buffer): Buffer {
    if (this.account.password === "") return Buffer.alloc(0);
    if (plugin === NATIVE) {
      return xor(hash("sha1", Buffer.concat([nonce, this.#sha1Twice]), "buffer"), this.#sha1);
    }
    if (plugin === CACHING) {
      return xor(hash("sha256", Buffer.concat([this.#sha256Twice, nonce]), "buffer"), this.#sha256);
    }
    throw new Error(`the server asks for ${plugin}, which this client does not speak`);
  }

  /** The password itself, for caching_sha2 inside TLS. */
  get clear(): Buffer {
    return this.#passwordZero;
  }

  /** The password under the server's RSA key, for caching_sha2 without TLS. */
  encrypted(publicKey: string, nonce: Buffer): Buffer {
    const masked = Buffer.from(this.#passwordZero);
    for (let at = 0; at < masked.length; at++) masked[at]! ^= nonce[at % nonce.length]!;
    return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING }, masked);
  }
}

function xor(bytes: Buffer, mask: Buffer): Buffer {
  for (let at = 0; at < bytes.length; at++) bytes[at]! ^= mask[at]!;
  return bytes;
}

/** Which capabilities a client and this server have in common. */
export function commonCapabilities(greeting: Greeting, tls: boolean): number {
  if (tls && !(greeting.capabilities & CAPABILITY.ssl)) throw new Error("the server has no TLS");
  const optional = CAPABILITY.deprecateEof;
  const wanted = WANTED & (~optional | (greeting.capabilities & optional));
  return tls ? wanted | CAPABILITY.ssl : wanted;
}

function loginHead(capabilities: number): Buffer {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(capabilities, 0);
  head.writeUInt32LE(MAX_PACKET, 4);
  head[8] = UTF8MB4;
  return head;
}

export function encodeTlsRequest(capabilities: number): Buffer {
  return encodePacket(1, loginHead(capabilities));
}

/** The login packet. A method this client lacks is answered by its usual one; the server then asks to switch. */
export function encodeLogin(greeting: Greeting, credentials: Credentials, tls: boolean): Buffer {
  const plugin = greeting.plugin === NATIVE ? NATIVE : CACHING;
  const scramble = credentials.scramble(plugin, greeting.nonce);
  const { user, database } = credentials.account;
  return encodePacket(
    tls ? 2 : 1,
    Buffer.concat([
      loginHead(commonCapabilities(greeting, tls)),
      Buffer.from(`${user}\0`),
      Buffer.from([scramble.length]),
      scramble,
      Buffer.from(`${database}\0${plugin}\0`),
    ]),
  );
}
