/**
 * `npm run test:drivers`: real drivers say the same things directly to a server and through the proxy, and must hear the
 * same. `--drivers TEXT` and `--servers TEXT` take those whose names contain it; `--no-install` leaves the machine as it is;
 * `--write-docs` writes docs/drivers.md from what was seen.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compare, type Verdict } from "./comparison.ts";
import { type Conversation, conversations } from "./conversations.ts";
import { DRIVERS } from "./driver-list.ts";
import { writeDriversPage } from "./drivers-page.ts";
import { type Cell, failureList, matrixTable, skippedList, totals } from "./matrix.ts";
import { type AbsentDriver, nameOf, prepareDriver, type ReadyDriver } from "./prepared-driver.ts";
import { runConversations, stepsText, type Transcript } from "./program-run.ts";
import { startRealServers } from "./real-servers.ts";
import { LOGINS, type ProxyLogin, type Stage, setStage } from "./stage.ts";

const { values: options } = parseArgs({
  options: {
    drivers: { type: "string", default: "" },
    servers: { type: "string", default: "" },
    conversations: { type: "string", default: "" },
    "no-install": { type: "boolean", default: false },
    "write-docs": { type: "boolean", default: false },
  },
});

const LINKS = ["plain", "TLS"] as const;
type LinkKind = (typeof LINKS)[number];

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One server's side of the matrix. */
class Lane {
  readonly #stage: Stage;
  readonly #stepsFile: string;
  readonly cells: Cell[] = [];
  #all: readonly Conversation[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#stepsFile = join(stage.cast.folder, "steps");
  }

  async run(drivers: readonly (ReadyDriver | AbsentDriver)[]): Promise<void> {
    for (const each of drivers) {
      const started = performance.now();
      const isClient = "driver" in each && each.driver.clientOf !== undefined;
      const all = conversations(this.#stage.cast, isClient);
      this.#all = all.filter(({ name }) => name.includes(options.conversations));
      await writeFile(this.#stepsFile, stepsText(this.#all));
      for (const link of LINKS) {
        if ("reason" in each) this.#skip(each.name, link, LOGINS, each.reason);
        else await this.#drive(each, link);
      }
      const seconds = Math.round((performance.now() - started) / 1000);
      say(`${each.name} on ${this.#stage.server.engine}: ${seconds} s`);
    }
  }

  async #drive(ready: ReadyDriver, link: LinkKind): Promise<void> {
    const { server, proxies } = this.#stage;
    const { withoutNative } = ready.driver;
    if (withoutNative !== undefined && server.engine === "mariadb") {
      return this.#skip(
        ready.name,
        link,
        LOGINS,
        `${withoutNative}, and the server's account wants it`,
      );
    }
    const direct = await this.#talk(ready, link, server);
    for (const login of LOGINS) {
      if (withoutNative !== undefined && login === "native") {
        this.#skip(ready.name, link, [login], withoutNative);
        continue;
      }
      const { shared, pinned } = proxies[login];
      const proxied = await this.#talk(ready, link, ready.driver.prepares ? pinned : shared);
      const verdicts = new Map<string, Verdict>(
        this.#all.map((each) => [each.name, compare(each, direct, proxied, ready.driver)]),
      );
      if (proxied.problem !== null && direct.problem === null) {
        verdicts.set("end", { kind: "failed", why: proxied.problem });
      }
      this.cells.push({
        driver: ready.name,
        column: this.#column(login, link),
        verdicts,
        skipped: null,
      });
    }
  }

  async #talk(
    { command, env }: ReadyDriver,
    link: LinkKind,
    { host, port }: { readonly host: string; readonly port: number },
  ): Promise<Transcript> {
    const { server, cast } = this.#stage;
    const caFile = link === "TLS" ? server.caFile : null;
    for (const name of [cast.database, cast.otherDatabase]) {
      await server.sql(`DROP DATABASE ${name}`);
      await server.sql(`CREATE DATABASE ${name}`);
    }
    return runConversations({
      command,
      env,
      stepsFile: this.#stepsFile,
      endpoint: { host, port, caFile },
      server,
      user: cast,
    });
  }

  #skip(driver: string, link: LinkKind, logins: readonly ProxyLogin[], reason: string): void {
    for (const login of logins) {
      const column = this.#column(login, link);
      this.cells.push({ driver, column, verdicts: new Map(), skipped: reason });
    }
  }

  #column(login: ProxyLogin, link: LinkKind): string {
    return columnName(this.#stage, login, link);
  }
}

function columnName({ server }: Stage, login: ProxyLogin, link: LinkKind): string {
  return `${server.engine} ${login} ${link}`;
}

async function main(): Promise<number> {
  const real = await startRealServers();
  const stages: Stage[] = [];
  try {
    const servers = real.servers.filter(({ engine }) => engine.includes(options.servers));
    for (const server of servers) stages.push(await setStage(server));
    if (stages.length === 0) throw new Error("there is no server to speak to");
    const wanted = DRIVERS.filter((driver) => nameOf(driver).includes(options.drivers));
    const drivers: (ReadyDriver | AbsentDriver)[] = [];
    const folder = join(stages[0]!.cast.folder, "programs");
    await mkdir(folder);
    const preparing = { folder, mayInstall: !options["no-install"], say };
    for (const driver of wanted) drivers.push(await prepareDriver(driver, preparing));
    const lanes = stages.map((stage) => new Lane(stage));
    await Promise.all(lanes.map((lane) => lane.run(drivers)));
    if (options["write-docs"]) {
      const ready = drivers.filter((each): each is ReadyDriver => "driver" in each);
      await writeDriversPage(ready, stages[0]!);
    }
    return report(
      lanes.flatMap((lane) => lane.cells),
      stages,
    );
  } finally {
    await Promise.all(stages.map((stage) => stage.close()));
    await real.stop();
  }
}

function report(cells: readonly Cell[], stages: readonly Stage[]): number {
  const columns = stages.flatMap((stage) =>
    LOGINS.flatMap((login) => LINKS.map((link) => columnName(stage, login, link))),
  );
  const pairs = stages.flatMap(({ proxies }) => Object.values(proxies));
  const bugs = pairs.flatMap(({ shared, pinned }) => [...shared.bugs, ...pinned.bugs]);
  const parts = [failureList(cells), skippedList(cells), matrixTable(cells, columns)];
  if (bugs.length > 0)
    parts.unshift(`FAILED defects of the proxy:\n${JSON.stringify(bugs, null, 2)}`);
  const { passed, failed, skipped } = totals(cells);
  const wrong = failed + bugs.length + (passed === 0 ? 1 : 0);
  say(`\n${parts.filter((part) => part !== "").join("\n\n")}\n`);
  say(`${passed} passed, ${wrong} failed, ${skipped} skipped`);
  return wrong === 0 ? 0 : 1;
}

process.exitCode = await main();
