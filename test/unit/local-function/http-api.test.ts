import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type AccessLogEntry, HttpApi, type HttpApiOptions } from "../../../local/http-api.ts";
import type { HttpApiEvent } from "../../../local/http-api-event.ts";
import { until } from "../../support/until.ts";

let api: HttpApi | null = null;
const access: AccessLogEntry[] = [];

afterEach(async () => {
  await api?.stop();
  api = null;
  access.length = 0;
});

async function serve(
  invoke: HttpApiOptions["invoke"],
  options: Partial<HttpApiOptions> = {},
): Promise<string> {
  api = await HttpApi.start({ invoke, onAccess: (entry) => access.push(entry), ...options });
  return api.url;
}

const returning = (value: unknown) => async () =>
  ({ kind: "returned", payload: JSON.stringify(value) }) as const;
const echo = async (event: HttpApiEvent) =>
  ({ kind: "returned", payload: JSON.stringify({ event }) }) as const;

test("a request reaches the function and its answer the caller", async () => {
  const url = await serve(echo);
  const response = await fetch(`${url}a/b%20c?x=1&x=2`, {
    method: "POST",
    body: "{}",
    headers: { "Content-Type": "application/json", Cookie: "s=1" },
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  const { event } = (await response.json()) as { event: HttpApiEvent };
  expect(event).toMatchObject({
    rawPath: "/a/b c",
    rawQueryString: "x=1&x=2",
    queryStringParameters: { x: "1,2" },
    cookies: ["s=1"],
    body: "{}",
    isBase64Encoded: false,
  });
  expect(event.requestContext.http).toMatchObject({
    method: "POST",
    protocol: "HTTP/1.1",
    sourceIp: "127.0.0.1",
  });
  expect(event.requestContext.requestId).toBe(response.headers.get("apigw-requestid"));
  expect(event.requestContext.requestId).toMatch(/^[\w+/]{15}=$/);
});

test("each request has one line in the access log", async () => {
  const url = await serve(returning({ statusCode: 404, body: "no" }));
  const response = await fetch(`${url}lost?token=secret`);
  expect(response.status).toBe(404);
  await until(() => access.length === 1, { what: "the line" });
  expect(access[0]).toMatchObject({
    requestId: response.headers.get("apigw-requestid"),
    ip: "127.0.0.1",
    httpMethod: "GET",
    path: "/lost",
    routeKey: "$default",
    protocol: "HTTP/1.1",
    status: 404,
    responseLength: 2,
  });
  expect(JSON.stringify(access)).not.toContain("secret");
});

test("a function that fails in any way is an internal error without its reason", async () => {
  const url = await serve(async () => {
    throw new Error("secret reason");
  });
  const response = await fetch(url);
  expect(response.status).toBe(500);
  expect(await response.text()).toBe('{"message":"Internal Server Error"}');
  await until(() => access[0]?.integrationError?.includes("secret reason"), {
    what: "the reason in the log",
  });
});

test("a function that takes too long is given up", async () => {
  const url = await serve(() => new Promise(() => {}), { integrationTimeoutMs: 50 });
  const response = await fetch(url);
  expect(response.status).toBe(503);
  expect(await response.text()).toBe('{"message":"Service Unavailable"}');
});

test("a body of ten megabytes passes, one byte more does not", async () => {
  const lengths: number[] = [];
  const url = await serve(async (event) => {
    lengths.push(event.body?.length ?? 0);
    return { kind: "returned", payload: '""' };
  });
  const headers = { "content-type": "text/plain" };
  const most = await fetch(url, { method: "POST", body: "x".repeat(10_000_000), headers });
  const more = await fetch(url, { method: "POST", body: "x".repeat(10_000_001), headers });
  expect([most.status, more.status]).toEqual([200, 413]);
  expect(await more.text()).toBe('{"message":"Request Entity Too Large"}');
  expect(lengths).toEqual([10_000_000]);
});

test("HEAD is answered without a body", async () => {
  const url = await serve(returning({ statusCode: 200, body: "not sent" }));
  const response = await fetch(url, { method: "HEAD" });
  expect([response.status, await response.text()]).toEqual([200, ""]);
});

test("several cookies are several headers", async () => {
  const url = await serve(returning({ statusCode: 200, cookies: ["a=1", "b=2"] }));
  const response = await fetch(url);
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
});

test("headers sent twice reach the function together", async () => {
  const url = new URL(await serve(echo));
  const text = await new Promise<string>((resolve, reject) => {
    const call = request(url, { headers: { "X-Twice": ["one", "two"] } }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve(Buffer.concat(chunks).toString("utf8"));
    });
    call.on("error", reject).end();
  });
  expect(JSON.parse(text).event.headers["x-twice"]).toBe("one,two");
});

test("a client that leaves in the middle of its body disturbs nobody", async () => {
  const url = new URL(await serve(returning({ statusCode: 200 })));
  const socket = connect(Number(url.port), url.hostname);
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf");
  socket.destroy();
  expect((await fetch(url)).status).toBe(200);
});

test("stopping does not wait for clients that keep their connection", async () => {
  const url = await serve(returning({ statusCode: 200 }));
  await (await fetch(url)).text();
  await api?.stop();
  api = null;
  await expect(fetch(url)).rejects.toThrow();
});

test("a port that is taken is an error, not a crash", async () => {
  const url = new URL(await serve(returning({})));
  const again = HttpApi.start({ invoke: returning({}), port: Number(url.port) });
  await expect(again).rejects.toMatchObject({ code: "EADDRINUSE" });
});
