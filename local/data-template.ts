import { constants, existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Say } from "./apt-fetch.ts";
import { withFileLock } from "./file-lock.ts";
import { runOrThrow } from "./program.ts";
import { makeAside } from "./run-folder.ts";
import type { ServerBinary } from "./server-binary.ts";
import { runAsOptions } from "./server-options.ts";

/** Changes when the way of initialising does: templates of another form are not used. */
const FORM = 1;

/** What a data folder must not share with its copies: the server's identity. */
const IDENTITY = new Set(["auto.cnf"]);

/**
 * Fills `dataDir` with an empty database. Initialising takes seconds, so it is done once for each version and kept in the
 * cache; what servers get are copies.
 */
export async function createDataDir(
  binary: ServerBinary,
  dataDir: string,
  context: { cacheDir: string; say: Say },
): Promise<void> {
  const templates = join(context.cacheDir, "templates");
  const template = join(templates, `${binary.engine}-${binary.version}-${FORM}`);
  if (!existsSync(template)) {
    await mkdir(templates, { recursive: true });
    await withFileLock(`${template}.lock`, async () => {
      if (existsSync(template)) return;
      context.say(`initialising a data folder for ${binary.engine} ${binary.version}, once`);
      await makeTemplate(binary, template);
    });
  }
  const aside = `${dataDir}.copying`;
  await rm(aside, { recursive: true, force: true });
  await cp(template, aside, { recursive: true, mode: constants.COPYFILE_FICLONE });
  await rename(aside, dataDir);
}

async function makeTemplate(binary: ServerBinary, template: string): Promise<void> {
  const aside = await makeAside(`${template}.making-`);
  try {
    const data = join(aside, "data");
    await (binary.engine === "mysql"
      ? initialiseMysql(binary, data)
      : initialiseMariadb(binary, data));
    for (const name of await readdir(data)) {
      if (IDENTITY.has(name)) await rm(join(data, name));
    }
    await rename(data, template);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function initialiseMysql(binary: ServerBinary, data: string): Promise<void> {
  await mkdir(data);
  const options = [
    "--initialize-insecure",
    `--datadir=${data}`,
    "--innodb-redo-log-capacity=32M",
    "--mysqlx=OFF",
  ];
  const quick = [
    "--secure-file-priv=NULL",
    "--innodb-flush-method=fsync",
    "--innodb-doublewrite=OFF",
    "--skip-log-bin",
  ];
  await runOrThrow(inPlace(binary, data, [...options, ...quick]), { timeoutMs: 300_000 });
}

/** What `mariadb-install-db` does, without its shell script: that one cannot start a server through a loader. */
async function initialiseMariadb(binary: ServerBinary, data: string): Promise<void> {
  await mkdir(join(data, "mysql"), { recursive: true });
  if (binary.image !== null) {
    const command = inPlace(binary, data, [
      `--datadir=${data}`,
      "--auth-root-authentication-method=normal",
    ]);
    await runOrThrow(
      command.map((word) => (word === "mariadbd" ? "mariadb-install-db" : word)),
      { timeoutMs: 300_000 },
    );
    return;
  }
  if (binary.shareDir === null)
    throw new Error(`the system tables' SQL files of ${binary.path} were not found`);
  const options = [
    `--datadir=${data}`,
    "--bootstrap",
    "--skip-networking",
    "--skip-log-bin",
    "--innodb-log-file-size=32M",
  ];
  const quick = [
    "--innodb-flush-method=fsync",
    "--max-allowed-packet=8M",
    "--net-buffer-length=16K",
    "--enforce-storage-engine=",
  ];
  const input = await systemTables(binary.shareDir);
  await runOrThrow(inPlace(binary, data, [...options, ...quick]), { input, timeoutMs: 300_000 });
}

/** The parts in the order of the server's own script; help texts and sample data are left out. */
const SYSTEM_TABLES = [
  "system_tables",
  "performance_tables",
  "system_tables_data",
  "add_gis_sp_bootstrap",
  "sys_schema",
];

async function systemTables(shareDir: string): Promise<string> {
  const names = await readdir(shareDir);
  const parts: string[] = [];
  for (const part of SYSTEM_TABLES) {
    const file = names.find((name) =>
      ["mariadb", "mysql", "maria"].some((prefix) => name === `${prefix}_${part}.sql`),
    );
    if (file !== undefined) parts.push(await readFile(join(shareDir, file), "utf8"));
  }
  const start = [
    "create database if not exists mysql;",
    "use mysql;",
    "SET @auth_root_socket=NULL;",
  ];
  return `${[...start, ...parts].join("\n")}\n`;
}

/** The server's command with options, inside a container where that is how it runs. */
function inPlace(binary: ServerBinary, data: string, options: readonly string[]): string[] {
  const whole = [
    ...binary.command,
    "--no-defaults",
    ...binary.homeOptions,
    ...runAsOptions(binary),
    ...options,
  ];
  return binary.image === null
    ? whole
    : [
        ...containerPrefix(binary.image, [data]),
        ...whole.filter((word) => word !== "--no-defaults"),
      ];
}

/** Runs in a container as the calling user, with these folders at the same paths. */
export function containerPrefix(
  image: string,
  folders: readonly string[],
  more: readonly string[] = [],
): string[] {
  const mounts = folders.flatMap((folder) => ["--volume", `${folder}:${folder}`]);
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  return ["docker", "run", "--rm", "--user", user, ...mounts, ...more, "--entrypoint", "", image];
}
