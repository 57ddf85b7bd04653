import { describe, expect, it } from "vitest";
import { NONCE_BYTES, NoncePool } from "../../../proxy/auth/nonce-pool.ts";

describe("a nonce", () => {
  it("holds every byte from 0x01 to 0x7f but '$', and each about as often", () => {
    const pool = new NoncePool();
    const counts = new Array<number>(256).fill(0);
    const draws = 10_000;
    for (let i = 0; i < draws; i++) for (const byte of pool.next()) counts[byte]!++;
    const mean = (draws * NONCE_BYTES) / 126;
    for (let byte = 0; byte < 256; byte++) {
      const allowed = byte >= 0x01 && byte <= 0x7f && byte !== 0x24;
      if (!allowed) expect(counts[byte], `byte ${byte}`).toBe(0);
      else expect(Math.abs(counts[byte]! - mean), `byte ${byte}`).toBeLessThan(mean / 4);
    }
  });

  it("is never handed out twice and does not change afterwards", () => {
    const pool = new NoncePool();
    const nonces = Array.from({ length: 1_000 }, () => pool.next());
    const texts = nonces.map((nonce) => nonce.toString("latin1"));
    for (let i = 0; i < 1_000; i++) pool.next();
    expect(new Set(texts).size).toBe(1_000);
    expect(nonces.map((nonce) => nonce.toString("latin1"))).toEqual(texts);
  });
});
