import { randomFillSync } from "node:crypto";

const POOL_BYTES = 4_096;
/** 126 values: 0x01 to 0x7f without '$', which is why 0x7f stands in for it. */
const VALUES = 126;
/** The largest multiple of VALUES in a byte; bytes above it are thrown away so that no value is likelier. */
const FAIR_MAX = 252;
const DOLLAR = 0x24;

export const NONCE_BYTES = 20;

/**
 * Nonces for greetings: 20 bytes without NUL, which ends them in packets, and without '$', which ends salts in stored
 * hashes. Randomness is drawn in bulk: a call into the generator costs more than all else about a nonce.
 */
export class NoncePool {
  readonly #random = Buffer.allocUnsafe(POOL_BYTES);
  #at = POOL_BYTES;

  next(): Buffer {
    const nonce = Buffer.allocUnsafe(NONCE_BYTES);
    for (let i = 0; i < NONCE_BYTES; i++) {
      let byte = this.#byte();
      while (byte >= FAIR_MAX) byte = this.#byte();
      const value = (byte % VALUES) + 1;
      nonce[i] = value === DOLLAR ? 0x7f : value;
    }
    return nonce;
  }

  #byte(): number {
    if (this.#at === POOL_BYTES) {
      randomFillSync(this.#random);
      this.#at = 0;
    }
    return this.#random[this.#at++]!;
  }
}
