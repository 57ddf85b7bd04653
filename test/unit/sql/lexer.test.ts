import { describe, expect, test } from "vitest";
import { Kind, Lexer } from "../../../proxy/sql/lexer.ts";
import { Reading } from "../../../proxy/sql/verdict.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NAMES: Readonly<Record<number, string>> = {
  [Kind.WORD]: "w",
  [Kind.QUOTED]: "q",
  [Kind.STRING]: "s",
  [Kind.NUMBER]: "n",
  [Kind.VARIABLE]: "v",
};

/** Tokens as `kind:text`, or the text alone for marks. */
function tokens(sql: string | Uint8Array, reading = 0): string[] {
  const bytes = typeof sql === "string" ? encoder.encode(sql) : sql;
  const lexer = new Lexer();
  lexer.open(bytes, 0, bytes.length, reading);
  const list: string[] = [];
  while (lexer.advance() !== Kind.END) {
    const text = decoder.decode(bytes.subarray(lexer.from, lexer.to));
    const name = NAMES[lexer.kind];
    list.push(name === undefined ? text : `${name}:${text}`);
  }
  return list;
}

describe("tokens", () => {
  test.each<[string, string[]]>([
    ["", []],
    ["a", ["w:a"]],
    ["SELECT a.b", ["w:SELECT", "w:a", ".", "w:b"]],
    ["'a'", ["s:'a'"]],
    ["'a''b'c", ["s:'a''b'", "w:c"]],
    ["'a\\'b'c", ["s:'a\\'b'", "w:c"]],
    ["'a\\\\'c", ["s:'a\\\\'", "w:c"]],
    ["'a", ["s:'a"]],
    ["'a\\", ["s:'a\\"]],
    ["'", ["s:'"]],
    ['"a""b"', ['s:"a""b"']],
    ["`a``b` c", ["q:`a``b`", "w:c"]],
    ["`a\\` c", ["q:`a\\`", "w:c"]],
    ["`", ["q:`"]],
    [
      "x'1F' X'1f' b'01' B'1' n'a' N'a\\'b'",
      ["s:x'1F'", "s:X'1f'", "s:b'01'", "s:B'1'", "s:n'a'", "s:N'a\\'b'"],
    ],
    ["_utf8mb4'a' ax'b'", ["w:_utf8mb4", "s:'a'", "w:ax", "s:'b'"]],
    ["0x1F 0b01 0xZZ 0b12 0x 0X1F", ["n:0x1F", "n:0b01", "w:0xZZ", "w:0b12", "w:0x", "w:0X1F"]],
    [
      "1 1.5 .5 1. 1e5 1E-5 1.5e+5",
      ["n:1", "n:1.5", "n:.5", "n:1.", "n:1e5", "n:1E-5", "n:1.5e+5"],
    ],
    ["1a 1e 12_3 1e5a", ["w:1a", "w:1e", "w:12_3", "n:1e5", "w:a"]],
    ["t.1a t .5", ["w:t", ".", "w:1a", "w:t", "n:.5"]],
    ["a$b $a", ["w:a$b", "w:$a"]],
    ["é数", ["w:é数"]],
    ["@a @a.b$c @'x y' @`x` @\"x\" @", ["v:@a", "v:@a.b$c", "v:@'x y'", "v:@`x`", 'v:@"x"', "v:@"]],
    ["@@a @@session.b", ["@@", "w:a", "@@", "w:session", ".", "w:b"]],
    ["u@h 'u'@'h'", ["w:u", "v:@h", "s:'u'", "v:@'h'"]],
    ["a:=1 a : = 1", ["w:a", ":=", "n:1", "w:a", ":", "=", "n:1"]],
    ["a -- b\nc", ["w:a", "w:c"]],
    ["a --", ["w:a"]],
    ["a --\tb\nc", ["w:a", "w:c"]],
    ["a --b", ["w:a", "-", "-", "w:b"]],
    ["a --\u0001b\nc", ["w:a", "w:c"]],
    ["a # b\nc", ["w:a", "w:c"]],
    ["a#b", ["w:a"]],
    ["a /* b */ c/**/d", ["w:a", "w:c", "w:d"]],
    ["a /* b", ["w:a"]],
    ["a /*/ b */ c", ["w:a", "w:c"]],
    ["a /* /* b */ c */ d", ["w:a", "w:c", "*", "/", "w:d"]],
    ["a / b * c */ d", ["w:a", "/", "w:b", "*", "w:c", "*", "/", "w:d"]],
    ["/*+ a */ b", ["w:b"]],
    ["/*! a */ b", ["w:a", "w:b"]],
    ["/*!40101 a */ b", ["w:a", "w:b"]],
    ["/*!080000 a*/b", ["w:a", "w:b"]],
    ["/*!401011 a*/b", ["w:a", "w:b"]],
    ["/*!40101a*/b", ["w:a", "w:b"]],
    ["/*! a /* b */ c */ d", ["w:a", "w:c", "w:d"]],
    ["/*! '*/' */ d", ["s:'*/'", "w:d"]],
    ["/*! a", ["w:a"]],
    ["/*M! a */ b", ["w:b"]],
    ["a\0b", ["w:a", "w:b"]],
    ["a\u00a0b", ["w:a\u00a0b"]],
    ["?", ["?"]],
    ["a;b;;", ["w:a", ";", "w:b", ";", ";"]],
  ])("%j", (sql, expected) => expect(tokens(sql)).toEqual(expected));

  test("readings change what quotes and backslashes are", () => {
    expect(tokens('"a"', Reading.ANSI_QUOTES)).toEqual(['q:"a"']);
    expect(tokens('"a\\"b', Reading.ANSI_QUOTES)).toEqual(['q:"a\\"', "w:b"]);
    expect(tokens("'a\\'b", Reading.NO_BACKSLASH_ESCAPES)).toEqual(["s:'a\\'", "w:b"]);
    expect(tokens('"a\\"b', Reading.NO_BACKSLASH_ESCAPES)).toEqual(['s:"a\\"', "w:b"]);
    expect(tokens("/*M!100100 a */ b", Reading.MARIADB)).toEqual(["w:a", "w:b"]);
  });

  test("two-byte characters may end in a byte that looks like ASCII", () => {
    const wide = Reading.ASCII_TRAIL_BYTES;
    const quote = 0x27;
    expect(tokens(Uint8Array.of(quote, 0x81, 0x5c, quote, 0x61), wide)).toHaveLength(2);
    expect(tokens(Uint8Array.of(quote, 0x81, 0x5c, quote, 0x61))).toHaveLength(1);
    // 0x27 is no trail byte: the quote closes.
    expect(tokens(Uint8Array.of(quote, 0x81, quote, 0x61), wide)).toHaveLength(2);
    expect(tokens(Uint8Array.of(0x60, 0x81, 0x60, 0x60, 0x61), wide)).toHaveLength(2);
    expect(tokens(Uint8Array.of(0x81, 0x40, 0x61), wide)).toHaveLength(1);
  });
});

test("words have numbers in any case, and in back-quotes", () => {
  const lexer = new Lexer();
  const bytes = encoder.encode("select SELECT `Select` selects sélect");
  lexer.open(bytes, 0, bytes.length, 0);
  const words: number[] = [];
  while (lexer.advance() !== Kind.END) {
    words.push(lexer.kind === Kind.QUOTED ? lexer.numberQuoted() : lexer.word);
  }
  expect(words[0]).toBeGreaterThan(0);
  expect(words).toEqual([words[0], words[0], words[0], 0, 0]);
});

test("nothing outside of the slice is read", () => {
  const bytes = encoder.encode("'''/*! SELECT */ 1 '''");
  const lexer = new Lexer();
  lexer.open(bytes, 7, 13, 0);
  expect(lexer.advance()).toBe(Kind.WORD);
  expect([lexer.from, lexer.to]).toEqual([7, 13]);
  expect(lexer.advance()).toBe(Kind.END);
  lexer.open(bytes, 5, 1_000, 0);
  while (lexer.advance() !== Kind.END) expect(lexer.to).toBeLessThanOrEqual(bytes.length);
  lexer.open(bytes, 9, 2, 0);
  expect(lexer.advance()).toBe(Kind.END);
});
