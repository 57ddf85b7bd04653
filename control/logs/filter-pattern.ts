/**
 * Filter patterns of CloudWatch Logs for lines of text: words and quoted phrases that must all occur, `-word` that must
 * not, `?word` of which one must. Patterns of JSON and of columns are none of these.
 */
export type LineTest = (line: string) => boolean;

/** null: a pattern of another kind. */
export function parseFilterPattern(pattern: string): LineTest | null {
  const text = pattern.trim();
  if (/^[{[%]/.test(text)) return null;
  const [all, none, any]: [string[], string[], string[]] = [[], [], []];
  for (const [, sign = "", phrase, word] of text.matchAll(/([?-]?)(?:"([^"]*)"|([^\s"]+))/g)) {
    const list = sign === "-" ? none : sign === "?" ? any : all;
    list.push(phrase ?? word ?? "");
  }
  return (line) =>
    all.every((each) => line.includes(each)) &&
    !none.some((each) => line.includes(each)) &&
    (any.length === 0 || any.some((each) => line.includes(each)));
}
