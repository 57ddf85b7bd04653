import { createPublicKey, verify } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ed25519PublicKey, signEd25519 } from "../../../proxy/auth/ed25519.ts";

/** Node's own verifier: a signature by MariaDB's derivation is an ordinary one to whoever checks it. */
function isGood(signature: Buffer, nonce: Buffer, publicKey: Buffer): boolean {
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), publicKey]);
  return verify(
    null,
    nonce,
    createPublicKey({ key: spki, format: "der", type: "spki" }),
    signature,
  );
}

describe("client_ed25519", () => {
  it("has the public key and the signature of MariaDB's own test", () => {
    // plugin/auth_ed25519/ed25519-t.c: password foobar, a nonce of 32 times 'A'.
    expect(ed25519PublicKey("foobar").toString("hex")).toBe(
      "aafda61ba1d60aecb7d9295be71855e131d2b5ec0dcf65483553db824f97009f",
    );
    expect(signEd25519("foobar", Buffer.alloc(32, "A")).toString("hex")).toBe(
      "e83dc93f433f33355649ee23aa7592d61a1123090884f58d3063423a24e4305473febba858a2f93923554feea76a44753887ab2f140e854f0fe57ca0b0648a0e",
    );
  });

  it("signs so that Node verifies, for passwords of any length", () => {
    for (const password of ["a", "pässwörd", "x".repeat(32), "y".repeat(100)]) {
      const nonce = Buffer.alloc(32, password);
      const signature = signEd25519(password, nonce);
      expect(isGood(signature, nonce, ed25519PublicKey(password)), password).toBe(true);
      expect(isGood(signature, Buffer.alloc(32, 1), ed25519PublicKey(password)), password).toBe(
        false,
      );
    }
  });

  it("sends nothing for an empty password", () => {
    expect(signEd25519("", Buffer.alloc(32)).length).toBe(0);
  });
});
