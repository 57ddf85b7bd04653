/**
 * The statements of an initialization query, which are separated by semicolons. Quotes are the SQL defaults: the query runs
 * on a fresh connection.
 */
export function splitStatements(text: string): string[] {
  const statements: string[] = [];
  let from = 0;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (quote !== "") {
      if (char === "\\" && quote !== "`") i += 1;
      else if (char === quote) quote = "";
    } else if (char === "'" || char === '"' || char === "`") quote = char;
    else if (char === ";") {
      statements.push(text.slice(from, i));
      from = i + 1;
    }
  }
  statements.push(text.slice(from));
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== "");
}
