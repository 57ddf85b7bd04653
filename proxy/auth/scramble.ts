import {
  constants,
  hash,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  timingSafeEqual,
} from "node:crypto";

/**
 * The scrambles of MySQL's password plugins. Hashes come back as latin1 strings where they are hashed again: for
 * `crypto.hash` that costs a third of a Buffer.
 */
export const NATIVE_BYTES = 20;
export const CACHING_SHA2_BYTES = 32;

const EMPTY = Buffer.alloc(0);

/** As a string of one byte each ("binary" is Node's old word for latin1, the one its types know here). */
function digest(algorithm: "sha1" | "sha256", data: string | Buffer): string {
  return hash(algorithm, data, "binary");
}

/** mysql_native_password: SHA1(password) XOR SHA1(nonce + SHA1(SHA1(password))); empty for an empty password. */
export function nativeScramble(password: string, nonce: Buffer): Buffer {
  if (password === "") return EMPTY;
  const once = digest("sha1", password);
  const salted = Buffer.allocUnsafe(nonce.length + NATIVE_BYTES);
  nonce.copy(salted);
  salted.write(digest("sha1", Buffer.from(once, "latin1")), nonce.length, "latin1");
  return xorText(digest("sha1", salted), once);
}

/** caching_sha2_password: SHA256(password) XOR SHA256(SHA256(SHA256(password)) + nonce); empty for an empty password. */
export function cachingSha2Scramble(password: string, nonce: Buffer): Buffer {
  if (password === "") return EMPTY;
  const once = digest("sha256", password);
  const salted = Buffer.allocUnsafe(CACHING_SHA2_BYTES + nonce.length);
  salted.write(digest("sha256", Buffer.from(once, "latin1")), 0, "latin1");
  nonce.copy(salted, CACHING_SHA2_BYTES);
  return xorText(digest("sha256", salted), once);
}

function xorText(left: string, right: string): Buffer {
  const xored = Buffer.allocUnsafe(left.length);
  for (let i = 0; i < left.length; i++) xored[i] = left.charCodeAt(i) ^ right.charCodeAt(i);
  return xored;
}

/** Takes the same time for every content of one length. Lengths are public: the plugins fix them. */
export function isSameBytes(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Compares digests, so that neither content nor length shows in the time taken. */
export function isSamePassword(left: Buffer, right: Buffer): boolean {
  return timingSafeEqual(hash("sha256", left, "buffer"), hash("sha256", right, "buffer"));
}

/** The password with its NUL, XOR the nonce over and over: what goes under RSA. Its own inverse. */
function xorNonce(bytes: Buffer, nonce: Buffer): Buffer {
  const xored = Buffer.allocUnsafe(bytes.length);
  for (let i = 0; i < bytes.length; i++) xored[i] = bytes[i]! ^ nonce[i % nonce.length]!;
  return xored;
}

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" };

/** Full authentication without TLS. Null where the key is none, or too small for the password. */
export function encryptPassword(
  password: string,
  nonce: Buffer,
  publicKey: string | Buffer,
): Buffer | null {
  try {
    return publicEncrypt(
      { key: publicKey, ...OAEP },
      xorNonce(Buffer.from(`${password}\0`), nonce),
    );
  } catch {
    return null;
  }
}

/** The password with its NUL as the client sent it, or null where the bytes were not encrypted with our key. */
export function decryptPassword(
  encrypted: Buffer,
  nonce: Buffer,
  privateKey: KeyObject,
): Buffer | null {
  try {
    return xorNonce(privateDecrypt({ key: privateKey, ...OAEP }, encrypted), nonce);
  } catch {
    return null;
  }
}
