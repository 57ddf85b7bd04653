import type { Connection } from "mysql2/promise";
import { describe, expect, it } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { type ProxyUser, startProxy, type TestProxy } from "../support/proxy.ts";
import { Random, seedOfRun } from "../support/random.ts";
import { server, type TestServer } from "../support/servers.ts";
import {
  type ModelWorld,
  readVariables,
  SessionModel,
  variableNames,
} from "../support/session-model.ts";
import { until } from "../support/until.ts";

const BACKENDS = 3;
const CLIENTS = 12;
/** Sessions that each client has, one after the other, and what each does at most. */
const LIVES = 6;
const STEPS_MAX = 40;

const PROCEDURE = `hides(token TEXT) BEGIN
  SET @hidden = token;
  SET SESSION time_zone = '+12:00', SESSION lock_wait_timeout = 4321, SESSION sql_mode = '';
  CREATE TEMPORARY TABLE IF NOT EXISTS temporary_hidden (who TEXT);
  INSERT INTO temporary_hidden VALUES (token);
END`;

async function makeWorld(target: TestServer, proxy: TestProxy): Promise<ModelWorld> {
  const schemas = [proxy.database, await target.database(), await target.database()];
  for (const schema of schemas) {
    await target.sql(
      `CREATE TABLE ${schema}.numbered (id INT AUTO_INCREMENT PRIMARY KEY, who TEXT)`,
    );
    await target.sql(`CREATE TABLE ${schema}.whereabouts AS SELECT '${schema}' AS place`);
    await target.sql(`CREATE TABLE ${schema}.taken (id INT PRIMARY KEY) AS SELECT 1 AS id`);
    await target.sql(`CREATE PROCEDURE ${schema}.${PROCEDURE}`);
  }
  const straight = await proxy.connect({ host: target.host, port: target.port });
  const defaults = await readVariables(straight, variableNames(target.engine));
  await straight.end();
  const { engine } = target;
  return { engine, schemas, defaults, permits: BACKENDS - 1, lockHolder: null };
}

interface Life {
  readonly proxy: TestProxy;
  readonly world: ModelWorld;
  readonly random: Random;
  readonly token: string;
}

/** One session from login to its end, which may be without a word. */
async function live({ proxy, world, random, token }: Life): Promise<void> {
  const schema = random.pick(world.schemas);
  const user = random.pick(proxy.users).user;
  const bare = random.chance(0.3);
  const client = await proxy.connect({ database: bare ? "" : schema, user });
  const session = new SessionModel(client, token, schema, world, random);
  try {
    if (bare) await session.enter();
    await session.look();
    for (let steps = random.int(STEPS_MAX); steps > 0; steps--) await session.step();
    await session.look();
  } catch (error) {
    const story = session.story.slice(-8).join(", ");
    throw new Error(`${token}: ${(error as Error).message} after: ${story}`, { cause: error });
  } finally {
    await end(client, random);
    session.leave();
  }
}

/** Ends backends at random until told to stop: their sessions are lost, and nobody else notices. */
async function killSome(
  target: TestServer,
  users: readonly ProxyUser[],
  random: Random,
  over: () => boolean,
): Promise<number> {
  const names = users.map(({ user }) => `'${user}'`).join(", ");
  let killed = 0;
  while (!over()) {
    const found = await target.sql(
      `SELECT id FROM information_schema.processlist WHERE user IN (${names})`,
    );
    if (found.length === 0) continue;
    await target.sql(`KILL ${random.pick(found)["id"]}`).catch(() => {}); // It may be gone by now.
    killed += 1;
  }
  return killed;
}

async function end(client: Connection, random: Random): Promise<void> {
  if (random.chance(0.5)) return client.end().catch(() => {});
  if (random.chance(0.5)) client.query("SELECT SLEEP(0.2)").catch(() => {});
  client.destroy();
}

/** The connection ended, which a test that kills backends has to live with. */
function isLost(error: unknown): boolean {
  const { fatal, errno } = error as { fatal?: boolean; errno?: number };
  return fatal === true || errno === 1317 || errno === 1927;
}

describe.each(ENGINES)("sessions before %s", (engine) => {
  it.each([
    ["on few backends", false],
    ["on backends that are killed all the time", true],
  ] as const)("never see anything of each other, whatever they do %s", async (_how, kills) => {
    const seed = seedOfRun();
    console.log(`isolation on ${engine}: SLUICE_SEED=${seed}`);
    const target = await server(engine);
    const password = "the same for all";
    const users = await Promise.all([0, 1].map(() => target.user({ database: "*", password })));
    await using proxy = await startProxy(target, {
      users,
      spec: { pool: { maxConnections: BACKENDS } },
    });
    const world = await makeWorld(target, proxy);
    const seeds = new Random(seed);
    let tokens = 0;
    const lives = Array.from({ length: CLIENTS }, async () => {
      const random = new Random(seeds.int(2 ** 32));
      for (let life = 0; life < LIVES; life++) {
        tokens += 1;
        const token = `tok${100_000 + tokens}`;
        await live({ proxy, world, random, token }).catch((error: Error) => {
          if (!kills || !isLost(error.cause)) throw error;
        });
      }
    });
    let over = false;
    const killing = kills ? killSome(target, users, seeds, () => over) : Promise.resolve(0);
    const failures = (await Promise.allSettled(lives)).flatMap((outcome) =>
      outcome.status === "rejected" ? [String(outcome.reason)] : [],
    );
    over = true;
    const killed = await killing;
    if (kills) expect(killed).toBeGreaterThan(10);
    expect(failures, `SLUICE_SEED=${seed}`).toEqual([]);
    expect(proxy.bugs).toEqual([]);
    expect(proxy.view.pins().length).toBeGreaterThan(5);
    expect(proxy.backends).toBeLessThanOrEqual(BACKENDS);
    await until(() => proxy.view.state(0).pools.every(({ lent }) => lent === 0), {
      what: "backends that nobody holds",
    });
  });
});
