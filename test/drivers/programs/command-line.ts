/** The command-line clients: what would be typed at their prompt, Ctrl-C included, and their dump programs. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

interface Login {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly options: readonly string[];
}

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const LONG = 4_000;
const { DRIVER_HOST, DRIVER_PORT, DRIVER_CA, DRIVER_VARIANT } = process.env;
const stepsFile = process.argv[2]!;
const folder = dirname(stepsFile);
const client = JSON.parse(process.env["DRIVER_COMMAND"]!) as readonly string[];
const dumper = JSON.parse(process.env["DRIVER_DUMPER"]!) as readonly string[];
const isMariadb = DRIVER_VARIANT === "mariadb";
const passwordFiles = new Map<string, string>();

/** Passwords belong into files: other users see a program's arguments. */
function passwordFile(password: string): string {
  const known = passwordFiles.get(password);
  if (known !== undefined) return known;
  const file = join(folder, `client-${process.pid}-${passwordFiles.size}.cnf`);
  writeFileSync(file, `[client]\npassword="${password}"\n`, { mode: 0o600 });
  passwordFiles.set(password, file);
  return file;
}

function connecting({ user, password }: Login): string[] {
  const tls = DRIVER_CA
    ? [`--ssl-ca=${DRIVER_CA}`, isMariadb ? "--ssl-verify-server-cert" : "--ssl-mode=VERIFY_CA"]
    : [isMariadb ? "--skip-ssl" : "--ssl-mode=DISABLED"];
  return [
    `--defaults-file=${passwordFile(password)}`,
    `--host=${DRIVER_HOST}`,
    `--port=${DRIVER_PORT}`,
    "--protocol=tcp",
    `--user=${user}`,
    ...tls,
    ...(isMariadb ? [] : ["--get-server-public-key"]),
  ];
}

function start(login: Login, more: readonly string[]): ChildProcess {
  const { database, options } = login;
  const [file, ...args] = [
    ...client,
    ...connecting(login),
    `--default-character-set=${options.includes("latin1") ? "latin1" : "utf8mb4"}`,
    "--max-allowed-packet=64M",
    ...(options.includes("local") ? ["--local-infile=1"] : []),
    ...(isMariadb ? [] : ["--commands=ON"]),
    ...more,
    ...(database === "" ? [] : [database]),
  ];
  return spawn(file!, args, { stdio: ["pipe", "pipe", "pipe"] });
}

async function finished(child: ChildProcess, input: string | Buffer): Promise<Said> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout!.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr!.on("data", (chunk: Buffer) => err.push(chunk));
  child.stdin!.on("error", () => {});
  child.stdin!.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out: shown(Buffer.concat(out)), err: shown(Buffer.concat(err)) };
}

function shown(bytes: Buffer): string {
  if (bytes.length <= LONG) return bytes.toString("utf8");
  return `${bytes.length} bytes ${createHash("sha1").update(bytes).digest("hex")}`;
}

/** One run of the client, with all that is to be typed. */
class Prompt {
  readonly login: Login;
  readonly #typed: string[] = [];

  constructor(login: Login) {
    this.login = login;
  }

  type(sql: string): void {
    this.#typed.push(sql);
  }

  end(): Promise<Said> {
    const statements = this.#typed.length > 0 ? this.#typed : ["DO 0"];
    const input = `DELIMITER $$\n${statements.map((sql) => `${sql}$$\n`).join("")}`;
    return finished(start(this.login, ["--force", "--batch", "--show-warnings", "-v"]), input);
  }
}

async function interrupted(login: Login, sql: string): Promise<Said> {
  const child = start(login, ["--batch", "-e", sql]);
  const ended = finished(child, "");
  print({ sleeping: null });
  await Promise.race([once(process.stdin, "data"), ended]);
  child.kill("SIGINT");
  return ended;
}

async function dump(login: Login, table: string): Promise<Said> {
  const [file, ...args] = [
    ...dumper,
    ...connecting(login),
    "--skip-comments",
    "--routines",
    "--no-tablespaces",
    ...(isMariadb ? [] : ["--set-gtid-purged=OFF", "--column-statistics=0"]),
    login.database,
    table,
  ];
  const child = spawn(file!, args, { stdio: ["pipe", "pipe", "pipe"] });
  const out: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  const said = await finished(child, "");
  writeFileSync(dumpFile(table), Buffer.concat(out));
  return said;
}

function dumpFile(table: string): string {
  return join(folder, `${table}.sql`);
}

async function pool(args: readonly string[]): Promise<readonly Said[]> {
  const [workers, rounds, user, password, database] = args as [
    string,
    string,
    string,
    string,
    string,
  ];
  const login = { user, password, database, options: [] };
  const work = "UPDATE tally SET n = n + 1 WHERE id = 1;\nSELECT SLEEP(0.001);\n".repeat(
    Number(rounds),
  );
  return Promise.all(
    Array.from({ length: Number(workers) }, () => finished(start(login, ["--batch"]), work)),
  );
}

/** At a prompt a transaction is begun and ended in words. */
const WORDS: Readonly<Record<string, string>> = {
  begin: "START TRANSACTION",
  commit: "COMMIT",
  rollback: "ROLLBACK",
};

class Steps {
  #prompt: Prompt | null = null;

  async take(op: string, args: readonly string[]): Promise<void> {
    const [first = "", second = "", third = ""] = args;
    switch (op) {
      case "case":
        await this.#end();
        return print({ case: first });
      case "open":
        await this.#end();
        this.#prompt = new Prompt({
          user: second,
          password: third,
          database: args[3]!,
          options: args[4]!.split(","),
        });
        return;
      case "close":
        return this.#end();
      case "query":
      case "load":
        return this.#prompt!.type(second);
      case "pool":
        await this.#end(true);
        return print({ result: await pool(args) });
      default:
        return this.#takeRare(op, args);
    }
  }

  async #takeRare(op: string, [, sql = "", database = ""]: readonly string[]): Promise<void> {
    const word = WORDS[op];
    if (word !== undefined) return this.#prompt!.type(word);
    const { login } = this.#prompt!;
    if (op === "sleep") {
      print({ result: await interrupted(login, sql) });
    } else if (op === "dump") {
      await this.#end(true);
      print({ result: await dump(login, sql) });
    } else if (op === "source") {
      const child = start({ ...login, database }, ["--batch"]);
      print({ result: await finished(child, readFileSync(dumpFile(sql))) });
    } else print({ unsupported: op });
  }

  /** `again`: the same login types on. */
  async #end(again = false): Promise<void> {
    const prompt = this.#prompt;
    this.#prompt = null;
    if (prompt === null) return;
    print({ result: await prompt.end() });
    if (again) this.#prompt = new Prompt(prompt.login);
  }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const steps = new Steps();
const lines = readFileSync(stepsFile, "utf8").replace(/\n$/, "").split("\n");
for (const line of [...lines, "case\tend"]) {
  const [op, ...args] = line.split("\t").map(decodeURIComponent) as [string, ...string[]];
  await steps.take(op, args);
}
for (const file of passwordFiles.values()) rmSync(file, { force: true });
process.stdin.destroy();
