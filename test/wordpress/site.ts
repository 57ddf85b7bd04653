import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../local/free-port.ts";
import { runOrThrow } from "../../local/program.ts";
import { sluiceCacheDir } from "../../local/server-binary.ts";
import { until } from "../support/until.ts";

/** What Debian has of WordPress; PHP itself must be installed (php-cli, php-mysql). */
const PACKAGES = ["wordpress", "wordpress-theme-twentytwentythree", "php-getid3"];
const FETCH_MS = 300_000;
/** Requests that PHP's own server works on at once. */
const WORKERS = "4";

export interface SiteOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** The unpacked packages, fetched with apt into our cache: no root needed, nothing is installed. */
export async function fetchWordPress(): Promise<string> {
  const home = join(sluiceCacheDir(), "wordpress");
  if ((await stat(home).catch(() => null)) !== null) return home;
  await mkdir(sluiceCacheDir(), { recursive: true });
  const folder = await mkdtemp(join(sluiceCacheDir(), "wordpress-"));
  try {
    await runOrThrow(["apt-get", "download", ...PACKAGES], { cwd: folder, timeoutMs: FETCH_MS });
    for (const file of (await readdir(folder)).filter((name) => name.endsWith(".deb")))
      await runOrThrow(["dpkg-deb", "-x", join(folder, file), join(folder, "root")]);
    await rename(join(folder, "root"), home);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return home;
}

/** A WordPress of its own, on PHP's server. */
export class Site implements AsyncDisposable {
  readonly url: string;
  readonly #folder: string;
  readonly #server: ChildProcess;
  #log = "";

  private constructor(url: string, folder: string, server: ChildProcess) {
    this.url = url;
    this.#folder = folder;
    this.#server = server;
    for (const stream of [server.stdout, server.stderr])
      stream?.on("data", (chunk) => {
        this.#log += chunk;
      });
  }

  /** What PHP and its server have said. */
  get log(): string {
    return this.#log;
  }

  static async start(database: SiteOptions): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), "sluice-wordpress-"));
    await cp(await fetchWordPress(), folder, { recursive: true, verbatimSymlinks: true });
    const root = join(folder, "usr/share/wordpress");
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    await writeFile(join(root, "wp-config.php"), configuration(database, url));
    const args = ["-d", "opcache.enable_cli=1", "-S", `127.0.0.1:${port}`, "-t", root];
    const server = spawn("php", args, {
      detached: true,
      env: { ...process.env, PHP_CLI_SERVER_WORKERS: WORKERS },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const site = new Site(url, folder, server);
    await until(async () => (await fetch(`${url}/readme.html`)).ok, { what: "PHP's server" });
    return site;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#server.once("close", resolve));
    // Its workers are processes of their own.
    if (this.#server.pid !== undefined) process.kill(-this.#server.pid, "SIGKILL");
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function configuration({ host, port, user, password, database }: SiteOptions, url: string): string {
  const constants: Record<string, string | boolean> = {
    DB_NAME: database,
    DB_USER: user,
    DB_PASSWORD: password,
    DB_HOST: `${host}:${port}`,
    DB_CHARSET: "utf8mb4",
    DB_COLLATE: "",
    WP_HOME: url,
    WP_SITEURL: url,
    WP_HTTP_BLOCK_EXTERNAL: true,
    AUTOMATIC_UPDATER_DISABLED: true,
    DISABLE_WP_CRON: true,
    WP_DEBUG: true,
    WP_DEBUG_DISPLAY: false,
    ...Object.fromEntries(
      ["AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY"].map((name) => [
        name,
        randomBytes(24).toString("hex"),
      ]),
    ),
  };
  const lines = Object.entries(constants).map(
    ([name, value]) => `define('${name}', ${typeof value === "string" ? `'${value}'` : value});`,
  );
  const body = [
    ...lines,
    "$table_prefix = 'wp_';",
    "if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');",
  ];
  return `<?php\n${body.join("\n")}\nrequire_once ABSPATH . 'wp-settings.php';\n`;
}
