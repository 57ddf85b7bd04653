/** A string literal that reads the same in every SQL mode that our own sessions use. */
export function quoteText(text: string): string {
  if (/[\0\n\r]/.test(text))
    throw new Error("a name or password must not contain line breaks or zero bytes");
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

export function quoteName(name: string): string {
  if (name.includes("\0")) throw new Error("a name must not contain zero bytes");
  return `\`${name.replaceAll("`", "``")}\``;
}
