import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { HttpApiEvent } from "../../../lambda/webhook/http-api.ts";
import { SIGNATURE_HEADER, SignatureGate } from "../../../lambda/webhook/signature.ts";

const NOW = 1_800_000_000;
const KEY = "the shared key";

interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly base64?: boolean;
  readonly signature?: string;
}

function request({
  method = "POST",
  path = "/a",
  body = "x=1",
  base64,
  signature,
}: Request): HttpApiEvent {
  return {
    rawPath: path,
    headers: signature === undefined ? {} : { [SIGNATURE_HEADER]: signature },
    body: base64 === true ? Buffer.from(body).toString("base64") : body,
    isBase64Encoded: base64 === true,
    requestContext: { requestId: "r", timeEpoch: NOW * 1_000, http: { method } },
  };
}

/** As a caller would sign who has only read the documentation. */
function signed(seconds: number, key = KEY, text = "POST./a.x=1"): string {
  return `t=${seconds},v1=${createHmac("sha256", key).update(`${seconds}.${text}`).digest("hex")}`;
}

const gateWith = (...keys: string[]) => {
  const read: number[] = [];
  const fetchKey = async () => {
    read.push(1);
    return keys.length > 1 ? keys.shift() : keys[0];
  };
  return { gate: new SignatureGate(fetchKey, () => NOW), read };
};

describe("a signed request", () => {
  test("comes in, whichever way its body came; the key is read once", async () => {
    const { gate, read } = gateWith(KEY);
    expect(await gate.admits(request({ signature: signed(NOW) }))).toBe(true);
    expect(await gate.admits(request({ signature: signed(NOW), base64: true }))).toBe(true);
    expect(read).toHaveLength(1);
  });

  test.each([
    ["none", {}],
    ["of another form", { signature: "sha256=00" }],
    ["with another key", { signature: signed(NOW, "guess") }],
    ["for another body", { signature: signed(NOW), body: "x=2" }],
    ["for another path", { signature: signed(NOW), path: "/b" }],
    ["for another method", { signature: signed(NOW), method: "GET" }],
    ["of long ago", { signature: signed(NOW - 301) }],
    ["of the future", { signature: signed(NOW + 301) }],
    ["whose time was changed", { signature: signed(NOW).replace(`t=${NOW}`, `t=${NOW + 1}`) }],
  ])("does not with a signature %s", async (_, parts) => {
    const { gate } = gateWith(KEY);
    expect(await gate.admits(request(parts))).toBe(false);
  });

  test("comes in with a key that was changed meanwhile", async () => {
    const { gate, read } = gateWith("the old key", KEY);
    const old = signed(NOW, "the old key");
    expect(await gate.admits(request({ signature: old }))).toBe(true);
    expect(await gate.admits(request({ signature: signed(NOW) }))).toBe(true);
    expect(await gate.admits(request({ signature: old }))).toBe(false);
    expect(read.length).toBe(3);
  });

  test("is a failure of ours where there is no key", async () => {
    const { gate } = gateWith("");
    await expect(gate.admits(request({ signature: signed(NOW) }))).rejects.toThrow("key is empty");
  });
});
