import { constants, generateKeyPairSync, privateDecrypt } from "node:crypto";
import { describe, expect, it } from "vitest";
import { generateLoginKey, makeLoginKey } from "../../../proxy/auth/login-key.ts";
import {
  cachingSha2Scramble,
  decryptPassword,
  encryptPassword,
  isSameBytes,
  isSamePassword,
  nativeScramble,
} from "../../../proxy/auth/scramble.ts";

describe("the native scramble", () => {
  it("is what other clients send", () => {
    // From the tests of go-sql-driver/mysql (auth_test.go).
    const nonce = Buffer.from([
      70, 114, 92, 94, 1, 38, 11, 116, 63, 114, 23, 101, 126, 103, 26, 95, 81, 17, 24, 21,
    ]);
    const expected = [
      53, 177, 140, 159, 251, 189, 127, 53, 109, 252, 172, 50, 211, 192, 240, 164, 26, 48, 207, 45,
    ];
    expect([...nativeScramble("secret", nonce)]).toEqual(expected);
  });

  it("of an empty password is empty", () => {
    expect(nativeScramble("", Buffer.alloc(20, 1)).length).toBe(0);
  });
});

describe("the caching_sha2 scramble", () => {
  it("is what other clients send", () => {
    // From the tests of go-sql-driver/mysql (auth_test.go).
    const nonce = Buffer.from([
      10, 47, 74, 111, 75, 73, 34, 48, 88, 76, 114, 74, 37, 13, 3, 80, 82, 2, 23, 21,
    ]);
    expect(cachingSha2Scramble("secret", nonce).toString("hex")).toBe(
      "f490e76f66d9d86665ce54d98c78d0acfe2fb0b08b423da807144873d30b312c",
    );
    expect(cachingSha2Scramble("secret2", nonce).toString("hex")).toBe(
      "abc3934a012cf342e876071c8ee202de51785b430258a7a0138bc79c4d800bc6",
    );
  });

  it("of an empty password is empty", () => {
    expect(cachingSha2Scramble("", Buffer.alloc(20, 1)).length).toBe(0);
  });
});

describe("a comparison", () => {
  it("holds for equal bytes and no others, of whatever lengths", () => {
    const bytes = Buffer.from("0123456789");
    expect(isSameBytes(bytes, Buffer.from(bytes))).toBe(true);
    expect(isSameBytes(bytes, bytes.subarray(1))).toBe(false);
    expect(isSamePassword(bytes, Buffer.from(bytes))).toBe(true);
    expect(isSamePassword(bytes, bytes.subarray(1))).toBe(false);
    expect(isSamePassword(bytes, Buffer.alloc(0))).toBe(false);
  });
});

describe("a password under RSA", async () => {
  const key = await generateLoginKey();
  const nonce = Buffer.from("0123456789abcdefghij");

  it("comes back with its NUL", () => {
    const encrypted = encryptPassword("pässwörd longer than the nonce", nonce, key.publicPem)!;
    expect(encrypted.length).toBe(key.bytes);
    expect(decryptPassword(encrypted, nonce, key.privateKey)!.toString()).toBe(
      "pässwörd longer than the nonce\0",
    );
  });

  it("lies under RSA as the protocol says: OAEP with SHA-1, each byte XOR the nonce's, over and over", () => {
    const text = "a password longer than the nonce\0";
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const under = privateDecrypt(
      { key: key.privateKey, padding },
      encryptPassword(text.slice(0, -1), nonce, key.publicPem)!,
    );
    const expected = Buffer.from(text).map((byte, i) => byte ^ nonce[i % 20]!);
    expect([...under]).toEqual([...expected]);
  });

  it("does not come back under another nonce", () => {
    const encrypted = encryptPassword("secret", nonce, key.publicPem)!;
    expect(decryptPassword(encrypted, Buffer.alloc(20, 9), key.privateKey)!.toString()).not.toBe(
      "secret\0",
    );
  });

  it("is null for rubbish, for a key that is none and for a password too long for the key", () => {
    expect(decryptPassword(Buffer.alloc(256, 1), nonce, key.privateKey)).toBeNull();
    expect(encryptPassword("secret", nonce, "no key")).toBeNull();
    expect(encryptPassword("x".repeat(300), nonce, key.publicPem)).toBeNull();
  });

  it("needs a private RSA key", () => {
    expect(() =>
      makeLoginKey(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
    ).toThrow(TypeError);
  });
});
