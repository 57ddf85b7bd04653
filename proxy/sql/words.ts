import { BUILT_IN_FUNCTIONS, GRAMMAR_FUNCTIONS, SYNTAX_WORDS } from "./functions.ts";

/** Numbers of the words that the classifier acts on. Zero is every other word. */
export const W = {
  NONE: 0,
  SELECT: 1,
  INSERT: 2,
  UPDATE: 3,
  DELETE: 4,
  REPLACE: 5,
  SET: 6,
  SHOW: 7,
  WITH: 8,
  CALL: 9,
  BEGIN: 10,
  COMMIT: 11,
  ROLLBACK: 12,
  START: 13,
  USE: 14,
  EXPLAIN: 15,
  DESCRIBE: 16,
  DESC: 17,
  TABLE: 18,
  VALUES: 19,
  VALUE: 20,
  DO: 21,
  CREATE: 22,
  ALTER: 23,
  DROP: 24,
  TRUNCATE: 25,
  RENAME: 26,
  GRANT: 27,
  REVOKE: 28,
  ANALYZE: 29,
  OPTIMIZE: 30,
  REPAIR: 31,
  CHECK: 32,
  CHECKSUM: 33,
  LOCK: 34,
  UNLOCK: 35,
  FLUSH: 36,
  RESET: 37,
  STOP: 38,
  CHANGE: 39,
  CACHE: 40,
  LOAD: 41,
  PREPARE: 42,
  EXECUTE: 43,
  DEALLOCATE: 44,
  HANDLER: 45,
  KILL: 46,
  XA: 47,
  SAVEPOINT: 48,
  RELEASE: 49,
  BACKUP: 50,
  GET: 51,
  HELP: 52,
  SIGNAL: 53,
  RESIGNAL: 54,
  PURGE: 55,
  INSTALL: 56,
  UNINSTALL: 57,
  IMPORT: 58,
  CLONE: 59,
  SHUTDOWN: 60,
  RESTART: 61,
  BINLOG: 62,
  IF: 63,
  CASE: 64,
  LOOP: 65,
  WHILE: 66,
  REPEAT: 67,
  FOR: 68,
  DECLARE: 69,
  INTO: 70,
  FROM: 71,
  DUAL: 72,
  IGNORE: 73,
  DUPLICATE: 74,
  RETURNING: 75,
  OUTFILE: 76,
  DUMPFILE: 77,
  NEXT: 78,
  SHARE: 79,
  MODE: 80,
  IN: 81,
  AS: 82,
  ON: 83,
  RECURSIVE: 84,
  ROLLUP: 85,
  LOW_PRIORITY: 86,
  HIGH_PRIORITY: 87,
  DELAYED: 88,
  PARTITION: 89,
  NULL: 90,
  DEFAULT: 91,
  TRUE: 92,
  FALSE: 93,
  ROW: 94,
  OFF: 95,
  ALL: 96,
  SQL_CALC_FOUND_ROWS: 97,
  GET_LOCK: 98,
  FOUND_ROWS: 99,
  ROW_COUNT: 100,
  LAST_INSERT_ID: 101,
  NEXTVAL: 102,
  SETVAL: 103,
  IDENTITY: 104,
  WARNING_COUNT: 105,
  ERROR_COUNT: 106,
  GLOBAL: 107,
  SESSION: 108,
  LOCAL: 109,
  PERSIST: 110,
  PERSIST_ONLY: 111,
  TRANSACTION: 112,
  NAMES: 113,
  CHARACTER: 114,
  CHARSET: 115,
  CHAR: 116,
  COLLATE: 117,
  PASSWORD: 118,
  ROLE: 119,
  RESOURCE: 120,
  GROUP: 121,
  STATEMENT: 122,
  ISOLATION: 123,
  LEVEL: 124,
  READ: 125,
  REPEATABLE: 126,
  COMMITTED: 127,
  UNCOMMITTED: 128,
  SERIALIZABLE: 129,
  ONLY: 130,
  WRITE: 131,
  TEMPORARY: 132,
  TABLES: 133,
  INSTANCE: 134,
  EXPORT: 135,
  OR: 136,
  DATABASE: 137,
  SCHEMA: 138,
  SLAVE: 139,
  REPLICA: 140,
  OPEN: 141,
  STAGE: 142,
  IMMEDIATE: 143,
  NOT: 144,
  ATOMIC: 145,
  WORK: 146,
  TO: 147,
  AND: 148,
  NO: 149,
  CHAIN: 150,
  CONNECTION: 151,
  QUERY: 152,
  HARD: 153,
  SOFT: 154,
  DIAGNOSTICS: 155,
  WARNINGS: 156,
  ERRORS: 157,
  COUNT: 158,
  VARIABLES: 159,
  STATUS: 160,
  PROCESSLIST: 161,
  ENGINES: 162,
  PLUGINS: 163,
  PRIVILEGES: 164,
  GRANTS: 165,
  FORMAT: 166,
  EXTENDED: 167,
  PARTITIONS: 168,
  PROCEDURE: 169,
  FUNCTION: 170,
  TRIGGER: 171,
  EVENT: 172,
  PACKAGE: 173,
  BODY: 174,
  END: 175,
  THEN: 176,
  ELSE: 177,
  VIEW: 178,
  SERVER: 179,
  COLLATION: 180,
  MASTER: 181,
  BINARY: 182,
  INDEX: 183,
  SEQUENCE: 184,
  ID: 185,
  CONCURRENT: 186,
} as const;

/** What a word may be when a parenthesis follows it, as bits of {@link wordTraits}. */
export const BUILT_IN = 1;
export const SYNTAX = 2;

const HASH_SEED = -2128831035;
const HASH_PRIME = 16777619;
const SLOT_MASK = 4095;

/** Byte to lower-case byte, ASCII letters only. */
export const FOLD = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) FOLD[byte] = byte >= 65 && byte <= 90 ? byte + 32 : byte;

const spellings: string[] = [""];
for (const [name, number] of Object.entries(W))
  if (number > 0) spellings[number] = name.toLowerCase();
const numbers = new Map(spellings.map((name, number) => [name, number]));
for (const name of [...BUILT_IN_FUNCTIONS, ...GRAMMAR_FUNCTIONS, ...SYNTAX_WORDS]) {
  if (numbers.has(name)) continue;
  numbers.set(name, spellings.length);
  spellings.push(name);
}

/** How many words have a number. */
export const WORD_COUNT = spellings.length;

const traits = new Uint8Array(WORD_COUNT);
for (const name of BUILT_IN_FUNCTIONS) traits[numberOf(name)]! |= BUILT_IN;
for (const name of [...GRAMMAR_FUNCTIONS, ...SYNTAX_WORDS]) traits[numberOf(name)]! |= SYNTAX;

const letters = new TextEncoder().encode(spellings.join(""));
const starts = new Uint16Array(WORD_COUNT + 1);
const hashes = new Int32Array(WORD_COUNT);
const slots = new Uint16Array(SLOT_MASK + 1);
for (let number = 1; number < WORD_COUNT; number++) {
  starts[number + 1] = starts[number]! + spellings[number]!.length;
  let hash = startHash();
  for (let at = starts[number]!; at < starts[number + 1]!; at++)
    hash = addToHash(hash, letters[at]!);
  hashes[number] = hash;
  let slot = hash & SLOT_MASK;
  while (slots[slot] !== 0) slot = (slot + 1) & SLOT_MASK;
  slots[slot] = number;
}

/** Hash of no bytes. */
export function startHash(): number {
  return HASH_SEED;
}

/** Adds a byte that is folded to lower case already. */
export function addToHash(hash: number, folded: number): number {
  return Math.imul(hash ^ folded, HASH_PRIME);
}

/** Number of a word known at start-up. */
export function numberOf(name: string): number {
  return numbers.get(name) ?? 0;
}

/** Bits that say what a word is before a parenthesis. */
export function wordTraits(number: number): number {
  return traits[number]!;
}

/** Number of the word in bytes [from, to) in any case, whose hash is given; 0 for a word that nobody acts on. */
export function findWord(bytes: Uint8Array, from: number, to: number, hash: number): number {
  for (let slot = hash & SLOT_MASK; ; slot = (slot + 1) & SLOT_MASK) {
    const number = slots[slot]!;
    if (number === 0) return 0;
    if (hashes[number] === hash && isSpelled(bytes, from, to, number)) return number;
  }
}

function isSpelled(bytes: Uint8Array, from: number, to: number, number: number): boolean {
  const start = starts[number]!;
  if (starts[number + 1]! - start !== to - from) return false;
  for (let at = from; at < to; at++) {
    if (FOLD[bytes[at]!] !== letters[start + at - from]) return false;
  }
  return true;
}
