// Nanoseconds and bytes of heap that classifying one statement takes. Run: npx tsx bench/classify.ts
import { performance } from "node:perf_hooks";
import { classify } from "../proxy/sql/classify.ts";
import type { Verdict } from "../proxy/sql/verdict.ts";
import { VerdictCache } from "../proxy/sql/verdict-cache.ts";

const LARAVEL =
  "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci', time_zone='+00:00', SESSION sql_mode='ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES'";
const STATEMENTS: readonly (readonly [string, string])[] = [
  ["select 1", "SELECT 1"],
  ["begin", "BEGIN"],
  ["sysbench point select", "SELECT c FROM sbtest1 WHERE id=50123"],
  [
    "sysbench range with order",
    "SELECT DISTINCT c FROM sbtest1 WHERE id BETWEEN 50123 AND 50222 ORDER BY c",
  ],
  ["sysbench update", "UPDATE sbtest1 SET k=k+1 WHERE id=50123"],
  [
    "sysbench insert",
    "INSERT INTO sbtest1 (id, k, c, pad) VALUES (50123, 49999, '68487932199-96439406143-93774651418-41631865787', '22195207048-70116052123-74140395089-76317954521')",
  ],
  [
    "join of an ORM",
    "SELECT `u`.`id`, `u`.`name`, `o`.`total` FROM `users` AS `u` INNER JOIN `orders` AS `o` ON `o`.`user_id` = `u`.`id` WHERE `u`.`active` = 1 AND `o`.`created_at` > '2024-01-01' ORDER BY `o`.`id` DESC LIMIT 20",
  ],
  ["set autocommit", "SET autocommit=1"],
  ["set at connect (Laravel)", LARAVEL],
];

const encoder = new TextEncoder();
let sink: Verdict | null = null;

function measure(run: (rounds: number) => void): { ns: number; bytes: number } {
  run(300_000);
  let best = Number.POSITIVE_INFINITY;
  let bytes = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 5; attempt++) {
    const rounds = 200_000;
    const heap = process.memoryUsage().heapUsed;
    const start = performance.now();
    run(rounds);
    best = Math.min(best, ((performance.now() - start) * 1e6) / rounds);
    const grown = process.memoryUsage().heapUsed - heap;
    if (grown >= 0) bytes = Math.min(bytes, grown / rounds);
  }
  return { ns: best, bytes };
}

/** The heap shrank in every attempt: nothing can be said. */
function heapText(bytes: number): string {
  return Number.isFinite(bytes) ? bytes.toFixed(1) : "?";
}

function report(name: string, length: number, run: (rounds: number) => void): void {
  const { ns, bytes } = measure(run);
  console.log(
    `${name.padEnd(32)} ${String(length).padStart(4)} bytes ${ns.toFixed(0).padStart(6)} ns ${heapText(bytes).padStart(8)} heap bytes`,
  );
}

for (const [name, text] of STATEMENTS) {
  const bytes = encoder.encode(text);
  report(name, bytes.length, (rounds) => {
    for (let i = 0; i < rounds; i++) sink = classify(bytes, 0, bytes.length, 0);
  });
}
const cache = new VerdictCache();
for (const [name, text] of STATEMENTS) {
  if (!text.startsWith("SET")) continue;
  const bytes = encoder.encode(text);
  report(`${name}, kept`, bytes.length, (rounds) => {
    for (let i = 0; i < rounds; i++) sink = cache.classify(bytes, 0, bytes.length, 0);
  });
}
if (sink === null) throw new Error("nothing was classified");
