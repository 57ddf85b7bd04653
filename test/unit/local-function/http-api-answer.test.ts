import { describe, expect, test } from "vitest";
import { parseAnswer, toAnswer } from "../../../local/http-api-answer.ts";

const parse = (value: unknown) => {
  const answer = parseAnswer(JSON.stringify(value));
  return answer === null ? null : { ...answer, body: answer.body.toString("utf8") };
};

describe("an answer with a status code", () => {
  test("is sent as it says", () => {
    const value = {
      statusCode: 201,
      headers: { "Content-Type": "text/html", "X-Number": 7 },
      body: "<p>",
    };
    expect(parse(value)).toEqual({
      status: 201,
      headers: [
        ["content-type", "text/html"],
        ["x-number", "7"],
      ],
      body: "<p>",
    });
  });

  test("is plain text where it names no type, and empty where it has no body", () => {
    const headers = [["content-type", "text/plain; charset=utf-8"]];
    expect(parse({ statusCode: 204 })).toEqual({ status: 204, headers, body: "" });
    expect(parse({ statusCode: 200, body: null })).toEqual({ status: 200, headers, body: "" });
  });

  test("is decoded where it says so", () => {
    const answer = parseAnswer('{"statusCode":200,"body":"AAH/","isBase64Encoded":true}');
    expect(answer?.body).toEqual(Buffer.from([0, 1, 255]));
  });

  test("sets each cookie apart", () => {
    const answer = parse({ statusCode: 200, cookies: ["a=1", "b=2"] });
    expect(answer?.headers.filter(([name]) => name === "set-cookie")).toEqual([
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
  });

  test("cannot speak for the connection", () => {
    const headers = {
      connection: "close",
      "Transfer-Encoding": "chunked",
      "content-length": "3",
      "content-type": "a/b",
    };
    expect(parse({ statusCode: 200, headers })?.headers).toEqual([["content-type", "a/b"]]);
  });

  test.each([
    { statusCode: "two hundred" },
    { statusCode: 99 },
    { statusCode: 200.5 },
    { statusCode: 200, body: { an: "object" } },
    { statusCode: 200, body: 7 },
    { statusCode: 200, headers: "text" },
    { statusCode: 200, headers: { "a b": "c" } },
    { statusCode: 200, headers: { split: "a\r\nset-cookie: b" } },
    { statusCode: 200, headers: { list: ["a"] } },
    { statusCode: 200, cookies: "a=1" },
    { statusCode: 200, body: "", isBase64Encoded: "yes" },
  ])("that is malformed is none: %j", (value) => {
    expect(parse(value)).toBeNull();
  });
});

describe("an answer without a status code", () => {
  test.each([
    [{ message: "hello" }, '{"message":"hello"}'],
    [["a", 1], '["a",1]'],
    ["hello", "hello"],
    [null, "null"],
    [7, "7"],
  ])("is the body of a 200 in JSON: %j", (value, body) => {
    expect(parse(value)).toEqual({
      status: 200,
      headers: [["content-type", "application/json"]],
      body,
    });
  });
});

describe("an invocation without an answer", () => {
  const internal = '{"message":"Internal Server Error"}';
  test.each([
    [{ kind: "failed", errorType: "TypeError", errorMessage: "secret" }, 500, internal],
    [{ kind: "crashed", errorMessage: "secret" }, 500, internal],
    [{ kind: "timed-out" }, 500, internal],
    [{ kind: "returned", payload: '{"statusCode":"secret"}' }, 500, internal],
    [{ kind: "throttled" }, 503, '{"message":"Service Unavailable"}'],
  ] as const)("tells the caller nothing of the reason: %j", (outcome, status, body) => {
    const answer = toAnswer(outcome);
    expect([answer.status, answer.body.toString("utf8")]).toEqual([status, body]);
    expect(answer.problem).toBeTruthy();
  });
});
