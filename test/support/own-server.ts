import { rm } from "node:fs/promises";
import { join } from "node:path";
import { accountStatements } from "../../local/accounts.ts";
import type { Engine } from "../../local/engine.ts";
import { makeRunFolder } from "../../local/run-folder.ts";
import { sluiceCacheDir } from "../../local/server-binary.ts";
import { getServer } from "../../local/server-fetch.ts";
import type { ServerSettings } from "../../local/server-options.ts";
import { ServerProcess } from "../../local/server-process.ts";
import { makeTlsFiles, type TlsFiles } from "../../local/tls-files.ts";
import { Watchdog } from "../../local/watchdog.ts";
import { type TestServer, testServer } from "./servers.ts";

const PASSWORD = "root-of-tests";

/** A server of a test's own, to be stopped, killed and started again at will. */
export class OwnServer implements AsyncDisposable {
  readonly process: ServerProcess;
  readonly tls: TlsFiles;
  readonly #folder: string;
  readonly #watchdog: Watchdog;
  readonly #engine: Engine;
  readonly #version: string;

  private constructor(
    parts: {
      readonly process: ServerProcess;
      readonly tls: TlsFiles;
      readonly folder: string;
      readonly watchdog: Watchdog;
    },
    engine: Engine,
    version: string,
  ) {
    this.process = parts.process;
    this.tls = parts.tls;
    this.#folder = parts.folder;
    this.#watchdog = parts.watchdog;
    this.#engine = engine;
    this.#version = version;
  }

  static async start(engine: Engine, settings: ServerSettings = {}): Promise<OwnServer> {
    const watchdog = new Watchdog();
    const folder = await makeRunFolder();
    watchdog.removeAtEnd(folder);
    const tls = await makeTlsFiles(join(folder, "tls"));
    const binary = await getServer(engine, { say: () => {} });
    const account = (user: string) => ({ user, password: PASSWORD });
    const process = new ServerProcess({
      binary,
      id: engine,
      serverId: 1,
      dataDir: join(folder, "data"),
      runDir: folder,
      cacheDir: sluiceCacheDir(),
      tls,
      watchdog,
      login: account("root"),
      initSql: accountStatements(engine, {
        root: account("root"),
        admin: account("admin"),
        monitor: account("monitor"),
        replication: account("replication"),
        application: { ...account("app"), database: "app" },
      }),
      settings,
    });
    await process.start();
    return new OwnServer({ process, tls, folder, watchdog }, engine, binary.version);
  }

  /** What tests do to it, while it runs. */
  get server(): TestServer {
    const { host, port, socketPath, pid } = this.process;
    return testServer({
      engine: this.#engine,
      version: this.#version,
      host,
      port,
      socketPath,
      pid: pid ?? 0,
      caFile: this.tls.caFile,
      password: PASSWORD,
      client: null,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
    await rm(this.#folder, { recursive: true, force: true });
    await this.#watchdog.dismiss();
  }
}
