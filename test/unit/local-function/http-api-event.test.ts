import { describe, expect, test } from "vitest";
import { type ReceivedRequest, toEvent } from "../../../local/http-api-event.ts";

const REQUEST: ReceivedRequest = {
  requestId: "JKJaXmPLvHcESHA=",
  method: "GET",
  target: "/",
  protocol: "HTTP/1.1",
  headers: { host: ["abc.example.com"], "user-agent": ["test/1"] },
  sourceIp: "127.0.0.1",
  body: Buffer.alloc(0),
  at: new Date("2020-03-12T19:03:58.390Z"),
};

const event = (changes: Partial<ReceivedRequest>) => toEvent({ ...REQUEST, ...changes });

test("a plain request becomes an event of format 2.0", () => {
  expect(event({})).toEqual({
    version: "2.0",
    routeKey: "$default",
    rawPath: "/",
    rawQueryString: "",
    headers: {
      host: "abc.example.com",
      "user-agent": "test/1",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
    },
    requestContext: {
      accountId: "000000000000",
      apiId: "local",
      domainName: "abc.example.com",
      domainPrefix: "abc",
      http: {
        method: "GET",
        path: "/",
        protocol: "HTTP/1.1",
        sourceIp: "127.0.0.1",
        userAgent: "test/1",
      },
      requestId: "JKJaXmPLvHcESHA=",
      routeKey: "$default",
      stage: "$default",
      time: "12/Mar/2020:19:03:58 +0000",
      timeEpoch: 1_584_039_838_390,
    },
    isBase64Encoded: false,
  });
});

describe("the path", () => {
  test.each([
    ["/a/b", "/a/b", ""],
    ["/a%20b?x=%20", "/a b", "x=%20"],
    ["/%E2%82%AC", "/€", ""],
    ["/a%3Fb?c=d", "/a", "c=d"],
    ["/%zz", "/%zz", ""],
    ["//double//slash", "//double//slash", ""],
    ["http://other.example/absolute?q=1", "/absolute", "q=1"],
    ["http://other.example", "/", ""],
    ["http://other.example?q=1", "/", "q=1"],
    ["/?", "/", ""],
    ["/?a?b", "/", "a?b"],
  ])("of %s is %s", (target, rawPath, rawQueryString) => {
    const made = event({ target });
    expect([made.rawPath, made.rawQueryString]).toEqual([rawPath, rawQueryString]);
    expect(made.requestContext.http.path).toBe(rawPath);
  });
});

describe("the query", () => {
  test("has repeated values joined by a comma, decoded", () => {
    const { queryStringParameters } = event({ target: "/?a=1&b=x%26y&a=2+3&c" });
    expect(queryStringParameters).toEqual({ a: "1,2 3", b: "x&y", c: "" });
  });

  test("may name a parameter like a property of all objects", () => {
    const { queryStringParameters } = event({ target: "/?__proto__=1&constructor=2" });
    expect(Object.entries(queryStringParameters ?? {})).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
  });

  test("that is absent leaves no parameters", () => {
    expect(event({})).not.toHaveProperty("queryStringParameters");
  });
});

describe("headers", () => {
  test("keep every value, and lose those of the connection", () => {
    const headers = {
      accept: ["a", "b"],
      connection: ["keep-alive"],
      te: ["trailers"],
      host: ["h"],
    };
    expect(event({ headers }).headers).toEqual({
      accept: "a,b",
      host: "h",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
    });
  });

  test("say through whom the request came", () => {
    const headers = { "x-forwarded-for": ["10.1.2.3"] };
    expect(event({ headers }).headers["x-forwarded-for"]).toBe("10.1.2.3, 127.0.0.1");
  });

  test("leave cookies to a list of their own", () => {
    const made = event({ headers: { cookie: ["a=1; b=2", "c=3"] } });
    expect(made.cookies).toEqual(["a=1", "b=2", "c=3"]);
    expect(made.headers).not.toHaveProperty("cookie");
  });
});

describe("the body", () => {
  const body = Buffer.from('{"€":1}', "utf8");

  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "text/csv",
    "TEXT/plain",
    "application/xml",
  ])("of type %s arrives as text", (type) => {
    const made = event({ body, headers: { "content-type": [type] } });
    expect([made.body, made.isBase64Encoded]).toEqual(['{"€":1}', false]);
  });

  test.each([
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "image/png",
    "application/jsonish",
  ])("of type %s arrives in base64", (type) => {
    const made = event({ body, headers: { "content-type": [type] } });
    expect([made.body, made.isBase64Encoded]).toEqual([body.toString("base64"), true]);
  });

  test("of no type arrives in base64, and no body as none", () => {
    expect(event({ body }).isBase64Encoded).toBe(true);
    expect(event({})).not.toHaveProperty("body");
  });
});
