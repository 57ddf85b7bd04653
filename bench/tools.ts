import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** The path of a program, or null. */
function findProgram(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(":"), ...FOLDERS];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

/** The path of a program, installed from Debian's packages when it is missing and we may. */
export function needProgram(name: string, say: (line: string) => void): string {
  const found = findProgram(name);
  if (found) return found;
  const apt = findProgram("apt-get");
  if (!apt)
    throw new Error(`${name} is not installed, and this is no Debian system to install it from`);
  const root = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const install = [
    ...root,
    apt,
    "-o",
    "DPkg::Lock::Timeout=300",
    "install",
    "-y",
    "--no-install-recommends",
    name,
  ];
  say(`${name} is missing: ${install.join(" ")}`);
  const [command, ...args] = install;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const result = spawnSync(command!, args, { env, encoding: "utf8" });
  if (result.status !== 0) {
    const why = (result.stderr || result.error?.message || "").trim();
    throw new Error(
      `${name} is missing and could not be installed (run: sudo apt-get install ${name})\n${why}`,
    );
  }
  const installed = findProgram(name);
  if (!installed) throw new Error(`the package ${name} holds no program of that name`);
  return installed;
}

/** The first line of what a program says of its version. */
export function versionOf(program: string, flag: string): string {
  return execFileSync(program, [flag], { encoding: "utf8" }).split("\n")[0]!.trim();
}
