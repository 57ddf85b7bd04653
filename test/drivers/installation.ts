import { type ProgramResult, runProgram } from "../../local/program.ts";
import type { DriverSpec } from "./driver-list.ts";

const INSTALL_MS = 900_000;

/** The version of an installed driver, or null. */
export async function installedVersion(driver: DriverSpec): Promise<string | null> {
  const result = await runProgram(driver.version, { timeoutMs: 60_000 });
  // dpkg-query puts the package's name before it.
  const version = result.stdout.trim().split(/\s+/).at(-1) ?? "";
  return result.code === 0 && version !== "" ? version : null;
}

/** Installs Debian's packages where this may be done. Returns why not, or null. */
export async function install(
  packages: readonly string[],
  say: (line: string) => void,
): Promise<string | null> {
  if ((await runProgram(["apt-get", "--version"])).code !== 0) return "there is no apt-get here";
  const isRoot = process.getuid?.() === 0;
  const mayAsk = isRoot || (await runProgram(["sudo", "-n", "true"])).code === 0;
  if (!mayAsk) return "installing packages takes root, or sudo without a password";
  say(`installing ${packages.join(" ")}`);
  const first = await aptGet(isRoot, ["install", "-y", "--no-install-recommends", ...packages]);
  if (first.code === 0) return null;
  await aptGet(isRoot, ["update", "-q"]);
  // One by one: a release that lacks one of them still has the others.
  const missing: string[] = [];
  for (const name of packages) {
    const one = await aptGet(isRoot, ["install", "-y", "--no-install-recommends", name]);
    if (one.code !== 0) missing.push(name);
  }
  return missing.length === 0 ? null : `apt-get cannot install ${missing.join(", ")}`;
}

function aptGet(isRoot: boolean, args: readonly string[]): Promise<ProgramResult> {
  const command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args];
  return runProgram(isRoot ? command : ["sudo", "-n", ...command], { timeoutMs: INSTALL_MS });
}
