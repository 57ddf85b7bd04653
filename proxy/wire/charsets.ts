/**
 * The few facts about character sets that are needed before any server could be asked. Connections name a collation by
 * number. MySQL and MariaDB share the numbers below 256; MariaDB adds a NOPAD twin at +1024 for most of them, three more
 * collations per wide set at 640, 672 and 736, and blocks of 256 UCA 14.0.0 collations from 2048 on.
 */
type WideCharset = "ucs2" | "utf16" | "utf16le" | "utf32";

const NOPAD_OFFSET = 1_024;
const NOPAD_END = 1_280;

/** The number of the PAD SPACE twin, where there is one. */
function padded(collation: number): number {
  return collation >= NOPAD_OFFSET && collation < NOPAD_END ? collation - NOPAD_OFFSET : collation;
}

const WIDE_RANGES: readonly (readonly [first: number, last: number, charset: WideCharset])[] = [
  [35, 35, "ucs2"],
  [54, 55, "utf16"],
  [56, 56, "utf16le"],
  [60, 61, "utf32"],
  [62, 62, "utf16le"],
  [90, 90, "ucs2"],
  [101, 124, "utf16"],
  [128, 151, "ucs2"],
  [159, 159, "ucs2"],
  [160, 183, "utf32"],
  [640, 642, "ucs2"],
  [672, 674, "utf16"],
  [736, 738, "utf32"],
  [2_560, 2_815, "ucs2"],
  [2_816, 3_071, "utf16"],
  [3_072, 3_327, "utf32"],
];

/**
 * The character set of a collation whose ASCII characters take more than a byte, else null. No server takes one as
 * `character_set_client`: its parser reads bytes.
 */
export function wideCharset(collation: number): WideCharset | null {
  const number = padded(collation);
  for (const [first, last, charset] of WIDE_RANGES)
    if (number >= first && number <= last) return charset;
  return null;
}

/** Collations of big5, sjis, gbk, cp932 and gb18030. */
const ASCII_TRAIL_COLLATIONS = new Set([1, 84, 13, 88, 28, 87, 95, 96, 248, 249, 250]);
const ASCII_TRAIL_CHARSETS = new Set(["big5", "sjis", "gbk", "cp932", "gb18030"]);

/** A later byte of a character may look like a quote or a backslash. */
export function hasAsciiTrailBytes(collation: number): boolean {
  return ASCII_TRAIL_COLLATIONS.has(padded(collation));
}

/** The same by the name of the character set, in lower case. */
export function isAsciiTrailCharset(charset: string): boolean {
  return ASCII_TRAIL_CHARSETS.has(charset);
}
