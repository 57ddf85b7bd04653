import { expect, test } from "vitest";
import { Reading } from "../../../proxy/sql/verdict.ts";
import { VerdictCache } from "../../../proxy/sql/verdict-cache.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function ask(cache: VerdictCache, text: string, reading = 0) {
  const bytes = encode(text);
  return cache.classify(bytes, 0, bytes.length, reading);
}

test("the verdict of a SET seen before is the very same", () => {
  const cache = new VerdictCache();
  const first = ask(cache, "SET NAMES utf8mb4, time_zone='+00:00'");
  expect(ask(cache, "SET NAMES utf8mb4, time_zone='+00:00'")).toBe(first);
  expect(ask(cache, "set names utf8mb4, time_zone='+00:00'")).not.toBe(first);
  expect(cache.size).toBe(2);
});

test("the same bytes read otherwise are another text", () => {
  const cache = new VerdictCache();
  expect(ask(cache, `SET "sql_mode" = ''`).pin).toBe("unparsed");
  expect(ask(cache, `SET "sql_mode" = ''`, Reading.ANSI_QUOTES).pin).toBeNull();
  expect(ask(cache, "SET @a = 1").pin).toBe("user-variable");
  expect(ask(cache, "SET @a = 1", Reading.EXCLUDE_VARIABLE_SETS).pin).toBeNull();
});

test("a slice of a larger buffer is found again at another place", () => {
  const cache = new VerdictCache();
  const first = ask(cache, "SET a = 1");
  const bytes = encode("xxxSET a = 1yyy");
  expect(cache.classify(bytes, 3, 12, 0)).toBe(first);
  bytes.fill(0);
  expect(ask(cache, "SET a = 1")).toBe(first);
});

test("only what sets something is kept", () => {
  const cache = new VerdictCache();
  for (const text of [
    "SELECT 1",
    "INSERT INTO t VALUES (1)",
    "",
    " ",
    "/* x */ SELECT 1",
    "SE",
    "SET",
  ])
    ask(cache, text);
  expect(cache.size).toBe(0);
  for (const text of ["use db", " \n SET a=1", "/* x */ SET a = 1"]) ask(cache, text);
  expect(cache.size).toBe(3);
});

test("it is bounded in texts, in bytes and in the length of one text", () => {
  const cache = new VerdictCache({ entries: 10, bytes: 200, textBytes: 40 });
  for (let i = 0; i < 100; i++) ask(cache, `SET a = ${i}`);
  expect(cache.size).toBe(10);
  for (let i = 0; i < 100; i++) ask(cache, `SET a = '${"x".repeat(20)}${i}'`);
  expect(cache.bytes).toBeLessThanOrEqual(200);
  expect(cache.size).toBeLessThan(10);
  const before = cache.size;
  expect(ask(cache, `SET a = '${"x".repeat(100)}'`).assignments).toHaveLength(1);
  expect(cache.size).toBe(before);
});
