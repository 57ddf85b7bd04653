import { describe, expect, test } from "vitest";
import type { HttpApiEvent } from "../../../lambda/webhook/http-api.ts";
import {
  PATH_CHARS,
  preferredFormat,
  receive,
  toStoredPath,
} from "../../../lambda/webhook/receive.ts";

function event(
  method: string,
  rawPath: string,
  changes: { accept?: string; requestId?: string } = {},
): HttpApiEvent {
  const { accept, requestId = "JKJaXmPLvHcESHA=" } = changes;
  return {
    rawPath,
    headers: accept === undefined ? {} : { accept },
    requestContext: { requestId, timeEpoch: 1_584_039_838_390, http: { method } },
  };
}

describe("what counts as a hit", () => {
  test.each(["GET", "POST", "HEAD"])("%s does", (method) => {
    expect(receive(event(method, "/a/b")).receipt).toEqual({
      kind: "hit",
      hit: {
        requestId: "JKJaXmPLvHcESHA=",
        path: "/a/b",
        at: new Date("2020-03-12T19:03:58.390Z"),
      },
    });
  });

  test.each(["PUT", "DELETE", "OPTIONS", "PATCH", "get"])("%s does not", (method) => {
    expect(receive(event(method, "/a")).receipt).toEqual({ kind: "method-refused", method });
  });

  test("what browsers and crawlers ask for by themselves does not", () => {
    expect(receive(event("GET", "/favicon.ico")).receipt.kind).toBe("favicon");
    expect(receive(event("GET", "/robots.txt")).receipt.kind).toBe("robots");
    expect(receive(event("GET", "/deep/favicon.ico")).receipt.kind).toBe("hit");
  });
});

test("only a HEAD request wants no body", () => {
  expect(["GET", "POST", "HEAD"].map((method) => receive(event(method, "/")).bodyWanted)).toEqual([
    true,
    true,
    false,
  ]);
});

describe("the key of a hit", () => {
  test.each(["", "a b", "x".repeat(65), "'; DROP TABLE hits; --"])(
    "is a hash where the request id is odd: %j",
    (requestId) => {
      const received = receive(event("GET", "/", { requestId }));
      expect(received.requestId).toMatch(/^[0-9a-f]{64}$/);
      expect(receive(event("GET", "/", { requestId })).requestId).toBe(received.requestId);
    },
  );

  test("is the request id where it has the service's form", () => {
    expect(receive(event("GET", "/", { requestId: "a1_B2-c+/=" })).requestId).toBe("a1_B2-c+/=");
  });
});

describe("the path stored", () => {
  test.each([
    ["/plain", "/plain"],
    ["/€/ü/日本", "/€/ü/日本"],
    ["/a b", "/a%20b"],
    ["/a\u00a0b", "/a%C2%A0b"],
    ["/line\nbreak\0", "/line%0Abreak%00"],
    ["/\u202egnp.exe", "/%E2%80%AEgnp.exe"],
    ["/half\ud800pair", "/half%EF%BF%BDpair"],
    ["/<script>alert('1')</script>", "/<script>alert('1')</script>"],
  ])("shows what cannot be seen: %j", (raw, stored) => {
    expect(toStoredPath(raw)).toBe(stored);
  });

  test("keeps a path of the longest length and cuts a longer one, at whole characters", () => {
    const longest = `/${"😀".repeat(PATH_CHARS - 1)}`;
    expect(toStoredPath(longest)).toBe(longest);
    const cut = toStoredPath(`${longest}😀`);
    expect([...cut]).toHaveLength(PATH_CHARS);
    expect(cut.endsWith("😀…")).toBe(true);
  });
});

describe("the format", () => {
  test.each([
    ["", "html"],
    ["*/*", "html"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"],
    ["application/json", "json"],
    ["application/json, text/plain, */*", "json"],
    ["Application/JSON; charset=utf-8", "json"],
    ["text/html;q=0.8, application/json", "json"],
    ["text/html, application/json;q=0.9", "html"],
    ["application/json;q=0", "html"],
    ["application/json;q=nonsense", "html"],
    ["application/*", "json"],
  ])("for Accept: %s is %s", (accept, format) => {
    expect(preferredFormat(accept)).toBe(format);
  });
});
