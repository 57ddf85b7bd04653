/**
 * `npm test`: builds, checks and tests everything that fits into half an hour, and ends with one line that counts. Servers are found
 * or fetched by the integration tests' set-up, which says what it does.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
  readonly success: boolean;
}

function step(title: string, command: string, args: readonly string[]): boolean {
  process.stdout.write(`\n== ${title}\n`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  return status === 0;
}

function bin(name: string): string {
  return join(root, "node_modules", ".bin", name);
}

function main(): number {
  let passed = 0;
  let failed = 0;
  const checks: [string, string, string[]][] = [
    ["build", process.execPath, ["build.mjs"]],
    ["types", bin("tsc"), ["--noEmit"]],
    ["format and lint", bin("biome"), ["ci", "--colors=off", "."]],
    ["unused code and packages", bin("knip"), ["--exclude", "types"]],
  ];
  for (const [title, command, args] of checks) {
    if (step(title, command, args)) passed += 1;
    else failed += 1;
  }
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  const file = join(folder, "report.json");
  const ran = step("tests", bin("vitest"), [
    "run",
    "--project=!wordpress",
    "--project=!template",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
    ...process.argv.slice(2),
  ]);
  try {
    const report = JSON.parse(readFileSync(file, "utf8")) as VitestReport;
    passed += report.numPassedTests;
    failed += report.numFailedTests;
    // A file that could not even be loaded counts, too, and so does a run of nothing.
    if (!ran && report.numFailedTests === 0) failed += 1;
    if (report.numPassedTests === 0) failed += 1;
  } catch {
    failed += 1;
  }
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = main();
