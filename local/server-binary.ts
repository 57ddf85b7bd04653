import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { type Engine, parseServerVersion, tooOld } from "./engine.ts";
import { runProgram } from "./program.ts";

/** A server program that runs on this machine. */
export interface ServerBinary {
  readonly engine: Engine;
  readonly version: string;
  /** What starts the server, before its options: the program, or a loader and the program, or a container engine. */
  readonly command: readonly string[];
  /** Where it was found, for people: a path, or an image's name. */
  readonly path: string;
  /** Options that the program needs to find its own files; empty for an installed one. */
  readonly homeOptions: readonly string[];
  /** The folder with MariaDB's `*_system_tables.sql`, null where there is none. */
  readonly shareDir: string | null;
  /** Set when the server runs in a container of this image. */
  readonly image: string | null;
  /** The command of another program of the same packages (`mysql`, `mysqldump`, `mariadb`), null when absent. */
  tool(name: string): readonly string[] | null;
}

/** In a folder of unpacked packages, their names: written last, so a folder that has it is whole. */
export const PACKAGE_LIST = "packages.txt";

const LOADER = /^ld-linux[\w.-]*\.so\.\d+$/;
const USUAL_FOLDERS = [
  "/usr/sbin",
  "/usr/bin",
  "/usr/libexec",
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/local/mysql/bin",
  "/usr/local/mariadb/bin",
];
const BREW_PREFIXES = ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"];
const BREW_FORMULAE: Record<Engine, readonly string[]> = {
  mysql: ["mysql", "mysql@9.7", "mysql@8.4", "mysql@8.0"],
  mariadb: ["mariadb", "mariadb@11.8", "mariadb@11.4", "mariadb@10.11"],
};
const PROGRAMS: Record<Engine, readonly string[]> = {
  mysql: ["mysqld"],
  mariadb: ["mariadbd", "mysqld"],
};

/** The folder that keeps fetched servers and initialised data folders between runs. */
export function sluiceCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env["SLUICE_CACHE"]) return resolve(env["SLUICE_CACHE"]);
  return join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "sluice");
}

/** A server already on this machine: installed, or in our cache. Null when there is none that will do. */
export async function findServer(
  engine: Engine,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ServerBinary | null> {
  const named = env["SLUICE_MYSQLD"];
  if (named) {
    const given = await inspectServer(named);
    // Both engines may be asked for in one run; the variable can only name one of them.
    if (given.engine === engine) return given;
  }
  for (const path of candidates(engine, env)) {
    const found = await inspectServer(path).catch(() => null);
    if (found?.engine === engine && tooOld(found) === null) return found;
  }
  return findCached(engine, sluiceCacheDir(env));
}

/** The newest complete server in the cache. */
export async function findCached(engine: Engine, cacheDir: string): Promise<ServerBinary | null> {
  const servers = join(cacheDir, "servers");
  if (!existsSync(servers)) return null;
  const folders = readdirSync(servers)
    .filter((name) => name.startsWith(`${engine}-`))
    .map((name) => join(servers, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const folder of folders) {
    const found = await inspectUnpacked(folder).catch(() => null);
    if (found?.engine === engine) return found;
  }
  return null;
}

/** What the program at `path` is, by asking it. */
export async function inspectServer(path: string): Promise<ServerBinary> {
  if (!existsSync(path)) throw new Error(`no server program at ${path}`);
  const unpacked = dirname(dirname(dirname(resolve(path))));
  if (existsSync(join(unpacked, PACKAGE_LIST))) return inspectUnpacked(unpacked);
  const real = realpathSync(path);
  const command = outsideAppArmor(path, real);
  const version = await askVersion(command);
  const around = dirname(dirname(real));
  return {
    ...version,
    command,
    path,
    homeOptions: [],
    shareDir: systemTablesDir([join(around, "share"), "/usr/share"]),
    image: null,
    tool: (name) => {
      const file = [dirname(path), dirname(real), join(around, "bin"), "/usr/bin"]
        .map((dir) => join(dir, name))
        .find(existsSync);
      return file === undefined ? null : [file];
    },
  };
}

/** What a folder of unpacked packages holds: its programs run through its own dynamic loader and libraries. */
export async function inspectUnpacked(folder: string): Promise<ServerBinary> {
  const bins = ["usr/sbin", "usr/bin"].map((dir) => join(folder, dir));
  const libraries = libraryDirs(folder);
  const loader = libraries.flatMap((dir) => find(dir, LOADER)).at(0);
  if (loader === undefined) throw new Error(`${folder} holds no dynamic loader`);
  const run = (file: string) => [loader, "--library-path", libraries.join(":"), file];
  const program = PROGRAMS.mariadb
    .flatMap((name) => bins.map((dir) => join(dir, name)))
    .find(existsSync);
  if (program === undefined) throw new Error(`${folder} holds no server program`);
  const version = await askVersion(run(program));
  const share = join(folder, "usr/share/mysql");
  return {
    ...version,
    command: run(program),
    path: program,
    homeOptions: [
      `--basedir=${join(folder, "usr")}`,
      `--lc-messages-dir=${share}`,
      `--plugin-dir=${join(folder, "usr/lib/mysql/plugin")}`,
    ],
    shareDir: systemTablesDir([join(folder, "usr/share")]),
    image: null,
    tool: (name) => {
      const file = bins.map((dir) => join(dir, name)).find(existsSync);
      return file === undefined ? null : run(file);
    },
  };
}

async function askVersion(
  command: readonly string[],
): Promise<{ engine: Engine; version: string }> {
  const result = await runProgram([...command, "--no-defaults", "--version"], {
    timeoutMs: 30_000,
  });
  const version = parseServerVersion(result.stdout);
  if (version !== null) return version;
  const said = `${result.stderr}${result.stdout}`.trim().split("\n").at(-1) ?? "";
  throw new Error(
    `${command.at(-1)} does not answer --version like a MySQL or MariaDB server: ${said}`,
  );
}

function candidates(engine: Engine, env: NodeJS.ProcessEnv): string[] {
  const brew = BREW_PREFIXES.flatMap((prefix) => [
    ...BREW_FORMULAE[engine].map((formula) => join(prefix, "opt", formula, "bin")),
    join(prefix, "bin"),
  ]);
  const path = (env["PATH"] ?? "").split(delimiter).filter((dir) => dir !== "");
  const folders = [...new Set([...path, ...USUAL_FOLDERS, ...brew])];
  return PROGRAMS[engine]
    .flatMap((name) => folders.map((dir) => join(dir, name)))
    .filter(existsSync);
}

/**
 * Ubuntu confines `/usr/sbin/mysqld` by its path to the system's data folder. Started through the dynamic loader the
 * program is not confined; it is then a user's program like any other.
 */
function outsideAppArmor(path: string, real: string): readonly string[] {
  const profile = join("/etc/apparmor.d", real.slice(1).replaceAll("/", "."));
  if (!existsSync("/sys/kernel/security/apparmor") || !existsSync(profile)) return [path];
  const loader = ["/lib64", "/lib"].flatMap((dir) => find(dir, LOADER)).at(0);
  return loader === undefined ? [path] : [loader, real];
}

function libraryDirs(folder: string): string[] {
  const roots = ["usr/lib", "lib"].map((dir) => join(folder, dir));
  const triplets = roots.flatMap((dir) => find(dir, /-linux-gnu\w*$/));
  return [
    ...triplets,
    ...triplets.map((dir) => join(dir, "mysql/private")),
    join(folder, "usr/lib/mysql/private"),
  ].filter(existsSync);
}

function systemTablesDir(shares: readonly string[]): string | null {
  const dirs = shares.flatMap((share) => [join(share, "mariadb"), join(share, "mysql"), share]);
  return dirs.find((dir) => find(dir, /^(mysql|mariadb)_system_tables\.sql$/).length > 0) ?? null;
}

function find(dir: string, name: RegExp): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((entry) => name.test(entry))
    .map((entry) => join(dir, entry));
}
