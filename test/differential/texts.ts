import type { Scene } from "./scene.ts";

const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** Words with characters beyond ASCII, in bytes of each character set; some have a quote's or backslash's byte as a second one. */
const WORDS: Record<string, readonly string[]> = {
  utf8mb4: [utf8("zażółć"), utf8("日本語"), utf8("😀!"), utf8("Ωmega"), utf8("naïve")],
  utf8mb3: [utf8("zażółć"), utf8("日本語"), utf8("Ωmega")],
  latin1: ["na\xefve", "\xc5ngstr\xf6m", "\xa9 2024", "\x80uro"],
  gbk: ["\xd6\xd0\xce\xc4", "\xd5\x5c", "\xbf\x5cx", "\x81\x5c"],
  sjis: ["\x95\x5c", "\x83\x5c\x81[", "\x93\xfa\x96{", "\xb1\xb2\xb3"],
  binary: ["\x01\x02\xff", utf8("é")],
};

const ASCII = ["alpha", "beta", "x", "", "0", "42abc", "It''s", "a\\\\b", "100%", "tab\\t"];

/** The inside of a string literal, in the client's character set. */
export function word(scene: Scene): string {
  const own = WORDS[scene.charset] ?? [];
  if (own.length > 0 && scene.random.chance(0.35)) return scene.random.pick(own);
  return scene.random.pick(ASCII);
}

export function literal(scene: Scene): string {
  return `'${word(scene)}'`;
}

/** A value that may or may not fit a column of integers. */
export function numberLiteral(scene: Scene): string {
  return scene.random.weighted<() => string>([
    [10, () => String(scene.random.between(-5, 50))],
    [1, () => "NULL"],
    [1, () => "'12x'"],
    [1, () => "99999999999"],
    [1, () => "DEFAULT"],
    [1, () => "1.6"],
    [1, () => "2 + 3"],
  ])();
}
