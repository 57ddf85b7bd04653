import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { describe, expect, test } from "vitest";
import { type KeyedCertificate, makeCa, makeSelfSigned } from "../../../proxy/net/self-signed.ts";

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const DAY_MS = 86_400_000;

function selfSigned(altNames: readonly string[] = ["localhost"], days = 30): KeyedCertificate {
  return makeSelfSigned({ commonName: "sluice", altNames, days, now: NOW });
}

describe("a self-signed certificate", () => {
  test("belongs to its key and vouches for itself", () => {
    const { cert, key } = selfSigned();
    const read = new X509Certificate(cert);
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.subject).toBe("CN=sluice");
    expect(read.issuer).toBe("CN=sluice");
    expect(read.ca).toBe(false);
    expect(read.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  });

  test("is valid from a little before it is made, for the days asked for", () => {
    const read = new X509Certificate(selfSigned([], 30).cert);
    expect(Date.parse(read.validFrom)).toBe(NOW - 3_600_000);
    expect(Date.parse(read.validTo)).toBe(NOW + 30 * DAY_MS);
  });

  test("keeps its dates beyond 2049, where their encoding changes", () => {
    const read = new X509Certificate(selfSigned([], 20_000).cert);
    expect(Date.parse(read.validTo)).toBe(NOW + 20_000 * DAY_MS);
  });

  test("names hosts and addresses of both families", () => {
    const read = new X509Certificate(
      selfSigned([
        "localhost",
        "*.db.example",
        "10.0.0.255",
        "::1",
        "2001:db8::7:0:ff",
        "::ffff:192.0.2.1",
      ]).cert,
    );
    expect(read.checkHost("localhost")).toBe("localhost");
    expect(read.checkHost("one.db.example")).toBe("*.db.example");
    expect(read.checkHost("example")).toBeUndefined();
    expect(read.checkIP("10.0.0.255")).toBe("10.0.0.255");
    expect(read.checkIP("::1")).toBe("::1");
    expect(read.checkIP("2001:db8::7:0:ff")).toBe("2001:db8::7:0:ff");
    expect(read.checkIP("::ffff:192.0.2.1")).toBe("::ffff:192.0.2.1");
    expect(read.checkIP("10.0.0.1")).toBeUndefined();
  });

  test("has a serial number of its own, positive and of full length", () => {
    const serials = Array.from(
      { length: 40 },
      () => new X509Certificate(selfSigned().cert).serialNumber,
    );
    expect(new Set(serials).size).toBe(40);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  test("carries a common name that is not ASCII", () => {
    const { cert } = makeSelfSigned({
      commonName: "Schleuse Ü",
      altNames: [],
      days: 1,
      now: new Date(NOW),
    });
    expect(new X509Certificate(cert).toLegacyObject().subject.CN).toBe("Schleuse Ü");
  });
});

describe("an authority", () => {
  const ca = makeCa({ commonName: "test authority", days: 10, now: Date.now() });
  const issue = (altNames: readonly string[]) =>
    ca.issue({ commonName: "server", altNames, days: 5, now: Date.now() });

  test("signs certificates that name it", () => {
    const authority = new X509Certificate(ca.cert);
    const issued = new X509Certificate(issue(["localhost"]).cert);
    expect(authority.ca).toBe(true);
    expect(issued.ca).toBe(false);
    expect(issued.checkIssued(authority)).toBe(true);
    expect(issued.verify(authority.publicKey)).toBe(true);
    expect(issued.verify(issued.publicKey)).toBe(false);
  });

  test.each([
    ["trusted and named", ca.cert, ["127.0.0.1"], null],
    ["trusted under another name", ca.cert, ["10.9.8.7"], "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["not trusted", selfSigned().cert, ["127.0.0.1"], "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ])("is believed by TLS clients when %s", async (_, trusted, altNames, expected) => {
    const server = createServer({ ...issue(altNames), minVersion: "TLSv1.2" }, (socket) =>
      socket.end("hello"),
    );
    server.on("tlsClientError", () => {});
    await once(server.listen(0, "127.0.0.1"), "listening");
    const client = connect({
      host: "127.0.0.1",
      port: (server.address() as AddressInfo).port,
      ca: trusted,
    });
    const outcome = await new Promise<string | null>((resolve) => {
      client.once("secureConnect", () => resolve(null));
      client.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
    client.destroy();
    server.close();
    expect(outcome).toBe(expected);
  });
});
