import { createHash } from "node:crypto";
import { expect } from "vitest";
import { type ProxyUser, startProxy, type TestProxy, type TestProxyOptions } from "./proxy.ts";
import { type RawAnswer, RawClient, type RawLogin } from "./raw-client.ts";
import type { TestServer } from "./servers.ts";

/** One conversation; `note` what must be the same whoever answers. */
export type Script = (
  client: RawClient,
  note: (what: string, seen: RawAnswer | Buffer | string | number) => void,
) => Promise<void>;

/** The same user at a server itself and at a proxy in front of it. */
export class SideBySide implements AsyncDisposable {
  readonly server: TestServer;
  readonly proxy: TestProxy;
  readonly #clients: RawClient[] = [];

  private constructor(server: TestServer, proxy: TestProxy) {
    this.server = server;
    this.proxy = proxy;
  }

  static async start(server: TestServer, options: TestProxyOptions = {}): Promise<SideBySide> {
    return new SideBySide(server, await startProxy(server, options));
  }

  get user(): ProxyUser {
    return this.proxy.users[0]!;
  }

  get direct(): RawLogin {
    return this.#loginAt(this.server);
  }

  get through(): RawLogin {
    return this.#loginAt(this.proxy);
  }

  #loginAt({ host, port }: { readonly host: string; readonly port: number }): RawLogin {
    // The server's own default: others show in column definitions, and a shared backend has them by SET NAMES.
    const charset = this.server.engine === "mysql" ? 255 : 45;
    return { host, port, ...this.user, database: this.proxy.database, charset };
  }

  /** A client of the proxy. */
  async client(login: Partial<RawLogin> = {}): Promise<RawClient> {
    return this.#kept(await RawClient.connect({ ...this.through, ...login }));
  }

  async directClient(login: Partial<RawLogin> = {}): Promise<RawClient> {
    return this.#kept(await RawClient.connect({ ...this.direct, ...login }));
  }

  #kept(client: RawClient): RawClient {
    this.#clients.push(client);
    return client;
  }

  /** Runs the script at the server, then at the proxy: what it notes must be the same. */
  async compare(script: Script, login: Partial<RawLogin> = {}): Promise<void> {
    const direct = await this.#run(await this.directClient(login), script);
    const through = await this.#run(await this.client(login), script);
    expect(through).toEqual(direct);
    expect(direct.length).toBeGreaterThan(0);
    expect(this.proxy.bugs).toEqual([]);
  }

  async #run(client: RawClient, script: Script): Promise<string[]> {
    const noted: string[] = [];
    await script(client, (what, seen) => noted.push(`${what}: ${readable(seen)}`));
    client.destroy();
    return noted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.proxy[Symbol.asyncDispose]();
  }
}

const LONG = 120;

function readable(seen: RawAnswer | Buffer | string | number): string {
  if (typeof seen === "string" || typeof seen === "number") return String(seen);
  if (Buffer.isBuffer(seen)) return shown(seen);
  const { error, payloads, bytes } = seen;
  if (error === null || payloads.length > 1) return shown(bytes);
  // Messages name statements by ids, which servers count by connection.
  return `ERR ${error.errno} ${error.sqlState} ${error.message.replace(/\(\d+\)/, "(id)")}`;
}

function shown(bytes: Buffer): string {
  const said = JSON.stringify(bytes.toString("latin1", 0, LONG));
  if (bytes.length <= LONG) return said;
  const hash = createHash("sha1").update(bytes).digest("hex");
  return `${said}… ${bytes.length} bytes, ${hash}`;
}
