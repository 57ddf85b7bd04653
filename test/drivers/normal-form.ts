/** What may differ between a server and a proxy in front of it, made the same: numbers of connections, and nothing more. */
const RULES: readonly (readonly [RegExp, string])[] = [
  // MariaDB's connectors put the connection's id before the server's words.
  [/\bconn(:|=)\s?-?\d+/g, "conn$1N"],
  // Connector/J repeats the address it was given.
  [/\(port=\d+\)/g, "(port=N)"],
  // RDS Proxy says where it denies access from in its own way.
  [/(Access denied for user [\\']*\w+[\\']*)@[\\']*[\w.%]+[\\']*/g, "$1@HOST"],
];

export function normalForm(line: string): string {
  return RULES.reduce((text, [pattern, by]) => text.replace(pattern, by), line);
}
