import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify } from "../../proxy/sql/classify.ts";
import { digest } from "../../proxy/sql/digest.ts";
import { Kind, Lexer } from "../../proxy/sql/lexer.ts";
import { Fact, Reading, type Verdict } from "../../proxy/sql/verdict.ts";
import { VerdictCache } from "../../proxy/sql/verdict-cache.ts";

const encoder = new TextEncoder();
const readings = fc.integer({ min: 0, max: 63 });

/** Pieces that make texts which lexers stumble over. */
const PIECES = [
  "SET",
  "SELECT",
  "INSERT INTO t VALUES (",
  "@a",
  "@@",
  "@",
  "session",
  ".",
  "=",
  ":=",
  ",",
  ";",
  "(",
  ")",
  "'",
  '"',
  "`",
  "\\",
  "''",
  "/*",
  "*/",
  "/*!",
  "/*!40101",
  "/*M!",
  "/*+",
  "--",
  "-- ",
  "#",
  "\n",
  " ",
  "\0",
  "0x",
  "1e",
  "1.",
  ".5",
  "x'",
  "n'",
  "_utf8'",
  "GET_LOCK(",
  "LAST_INSERT_ID()",
  "INTO @x",
  "names utf8",
  "transaction",
  "read only",
  "é",
  "\u{1F600}",
  "?",
  "BEGIN",
  "END",
  "CREATE PROCEDURE p()",
  "IF",
  "CASE",
  "WITH x(a) AS (",
  "USE",
  "KILL",
  "EXPLAIN",
  "FORMAT",
  "FOR",
  "LOAD DATA",
  "HANDLER",
  "CREATE",
  "TEMPORARY",
  "TABLE",
  "STATEMENT",
];

const texts = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .array(fc.constantFrom(...PIECES), { maxLength: 25 })
    .map((parts) => encoder.encode(parts.join(""))),
  fc
    .array(fc.constantFrom(...PIECES), { maxLength: 25 })
    .map((parts) => encoder.encode(parts.join(" "))),
);

describe("any bytes", () => {
  test("are cut into tokens that move forward and stay inside", () => {
    fc.assert(
      fc.property(texts, readings, fc.nat(50), (text, reading, skip) => {
        const lexer = new Lexer();
        const start = Math.min(skip, text.length);
        const end = Math.max(start, text.length - (skip % 5));
        lexer.open(text, start, end, reading);
        let last = start;
        let count = 0;
        while (lexer.advance() !== Kind.END) {
          expect(lexer.from).toBeGreaterThanOrEqual(last);
          expect(lexer.to).toBeGreaterThan(lexer.from);
          expect(lexer.to).toBeLessThanOrEqual(end);
          last = lexer.to;
          count++;
        }
        expect(count).toBeLessThanOrEqual(end - start);
      }),
      { numRuns: 3_000 },
    );
  });

  test("are classified, and digested within the bound", () => {
    fc.assert(
      fc.property(texts, readings, fc.nat(300), (text, reading, max) => {
        const verdict = classify(text, 0, text.length, reading);
        expect(verdict.flags).toBeGreaterThanOrEqual(0);
        expect(verdict).toEqual(classify(text, 0, text.length, reading));
        expect(digest(text, 0, text.length, reading, max).length).toBeLessThanOrEqual(max);
      }),
      { numRuns: 3_000 },
    );
  });

  test("outside of the slice do not matter", () => {
    fc.assert(
      fc.property(texts, texts, texts, readings, (before, text, after, reading) => {
        const joined = Uint8Array.from([...before, ...text, ...after]);
        const start = before.length;
        expect(classify(joined, start, start + text.length, reading)).toEqual(
          classify(text, 0, text.length, reading),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  test("have the same verdict from the cache", () => {
    const cache = new VerdictCache({ entries: 8, bytes: 500 });
    fc.assert(
      fc.property(texts, readings, (text, reading) => {
        const plain = classify(text, 0, text.length, reading);
        expect(cache.classify(text, 0, text.length, reading)).toEqual(plain);
        expect(cache.classify(text, 0, text.length, reading)).toEqual(plain);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** Statements as tokens: blanks and comments may stand between any two. */
const TOKENIZED: readonly (readonly string[])[] = [
  ["SET", "autocommit", "=", "1"],
  ["SET", "@a", "=", "1", ",", "NAMES", "utf8mb4", "COLLATE", "utf8mb4_bin"],
  [
    "SET",
    "SESSION",
    "sql_mode",
    ":=",
    "'a,b'",
    ",",
    "foreign_key_checks",
    "=",
    "(",
    "SELECT",
    "1",
    ")",
  ],
  ["SET", "@@session", ".", "time_zone", "=", "'+00:00'"],
  ["SET", "TRANSACTION", "ISOLATION", "LEVEL", "READ", "COMMITTED", ",", "READ", "ONLY"],
  ["SELECT", "GET_LOCK", "(", "'a'", ",", "1", ")"],
  ["SELECT", "@a", ":=", "1", "FROM", "t", "WHERE", "b", "=", '"c"'],
  ["SELECT", "f", "(", "1", ")", ",", "LAST_INSERT_ID", "(", ")"],
  [
    "INSERT",
    "INTO",
    "d",
    ".",
    "t",
    "(",
    "a",
    ",",
    "`b`",
    ")",
    "VALUES",
    "(",
    "1",
    ",",
    "'x'",
    ")",
    ",",
    "(",
    "NULL",
    ",",
    "-",
    "2",
    ")",
  ],
  [
    "INSERT",
    "INTO",
    "t",
    "SELECT",
    "NOW",
    "(",
    ")",
    "ON",
    "DUPLICATE",
    "KEY",
    "UPDATE",
    "a",
    "=",
    "1",
  ],
  ["LOCK", "TABLES", "t", "READ"],
  ["FLUSH", "TABLES", "WITH", "READ", "LOCK"],
  ["CREATE", "TEMPORARY", "TABLE", "t", "(", "a", "INT", ")"],
  [
    "WITH",
    "x",
    "(",
    "a",
    ")",
    "AS",
    "(",
    "SELECT",
    "1",
    ")",
    ",",
    "y",
    "(",
    "b",
    ")",
    "AS",
    "(",
    "SELECT",
    "2",
    ")",
    "SELECT",
    "*",
    "FROM",
    "x",
  ],
  [
    "CREATE",
    "PROCEDURE",
    "p",
    "(",
    ")",
    "BEGIN",
    "SET",
    "@a",
    "=",
    "1",
    ";",
    "END",
    ";",
    "SELECT",
    "1",
  ],
  ["KILL", "QUERY", "5"],
  ["COMMIT", "AND", "CHAIN"],
  ["USE", "`a b`"],
  ["EXECUTE", "s", "USING", "@a"],
  ["DROP", "DATABASE", "IF", "EXISTS", "a"],
];

const blank = fc.constantFrom(
  " ",
  "\n",
  "\t ",
  "  ",
  "/**/",
  "/* SET @z = 1; */",
  "-- x'\"`\n",
  "#;\n",
  " /* ' */ ",
  "\r\n",
  "/*+ GET_LOCK(1) */",
);

function judge(text: string): Verdict {
  const bytes = encoder.encode(text);
  return classify(bytes, 0, bytes.length, 0);
}

/** A verdict without the one thing in it that depends on where the text stands. */
function judgeAnywhere(text: string): Verdict {
  const verdict = judge(text);
  return verdict.kill === null ? verdict : { ...verdict, kill: { ...verdict.kill, end: 0 } };
}

test("blanks and comments between tokens change nothing", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...TOKENIZED),
      fc.array(blank, { minLength: 30, maxLength: 30 }),
      (tokens, blanks) => {
        const spaced = tokens.map((token, i) => `${blanks[i % blanks.length]}${token}`).join("");
        const plain = judgeAnywhere(tokens.join(" "));
        // Two signs and a dash next to each other could make a comment: the blank always parts them.
        expect(judgeAnywhere(`${spaced}${blanks[29]}`), spaced).toEqual(plain);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("the case of unquoted words changes nothing but names", () => {
  fc.assert(
    fc.property(fc.constantFrom(...TOKENIZED), fc.infiniteStream(fc.boolean()), (tokens, coins) => {
      const text = tokens
        .map((token) =>
          /^["'`@]/.test(token)
            ? token
            : [...token]
                .map((c) => (coins.next().value ? c.toUpperCase() : c.toLowerCase()))
                .join(""),
        )
        .join(" ");
      const { flags, pin, assignments } = judge(tokens.join(" "));
      expect(judge(text)).toMatchObject({ flags, pin, assignments });
    }),
  );
});

const quotings = [
  (content: string) => `'${content.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`,
  (content: string) => `'${content.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`,
  (content: string) => `"${content.replaceAll("\\", "\\\\").replaceAll('"', '""')}"`,
  (content: string) => `"${content.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`,
] as const;
const contents = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 6 }).map((parts) => parts.join("")),
);
const TEMPLATES = [
  "SELECT ?",
  "SELECT * FROM t WHERE a = ? AND b IN (?, 1)",
  "INSERT INTO t (a) VALUES (?)",
  "SET sql_mode = ?, @a = 1",
  "SET time_zone = ?",
  "UPDATE t SET a = ? WHERE f(b)",
  "SELECT ? INTO @a",
] as const;

test("what is in a string changes no verdict, and stands in no digest", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...TEMPLATES),
      fc.constantFrom(...quotings),
      contents,
      (template, quote, content) => {
        const secret = `s3cr3t${content}s3cr3t`;
        const filled = template.replaceAll("?", () => quote(secret));
        const plain = template.replaceAll("?", "'x'");
        expect(judge(filled), filled).toEqual(judge(plain));
        const bytes = encoder.encode(filled);
        const other = encoder.encode(plain);
        expect(digest(bytes, 0, bytes.length, 0, 1_024)).toBe(
          digest(other, 0, other.length, 0, 1_024),
        );
      },
    ),
    { numRuns: 2_000 },
  );
});

test("without backslash escapes a backslash is a character like others", () => {
  fc.assert(
    fc.property(contents, (content) => {
      const bytes = encoder.encode(`SELECT '${content.replaceAll("'", "''")}\\' FROM t`);
      const verdict = classify(bytes, 0, bytes.length, Reading.NO_BACKSLASH_ESCAPES);
      expect(verdict).toMatchObject({ flags: Fact.READ, pin: null });
    }),
  );
});

test("a text cut short never pins by what was only in a string", () => {
  const text =
    "INSERT INTO t (a, b) VALUES ('SET @a = 1; /*! x */ GET_LOCK(1)', \"LOCK TABLES t READ\") -- SET @a = 1";
  const bytes = encoder.encode(text);
  for (let end = 0; end <= bytes.length; end++) {
    expect(classify(bytes, 0, end, 0).pin, text.slice(0, end)).toBeNull();
  }
});
