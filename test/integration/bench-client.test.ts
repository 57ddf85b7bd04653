import { describe, expect, test } from "vitest";
import { type Account, Credentials } from "../../bench/raw/auth.ts";
import { type Owner, RawClient, type TlsUse } from "../../bench/raw/client.ts";
import { encodeQuery } from "../../bench/raw/walk.ts";
import { ENGINES } from "../../local/engine.ts";
import { server, type TestServer } from "../support/servers.ts";

/** Connects, asks every query in turn, quits; how it went. */
function converse(
  here: TestServer,
  account: Account,
  queries: readonly string[],
  tls?: TlsUse,
): Promise<{ answers: number; resumed: boolean; bytes: number }> {
  return new Promise((resolve, reject) => {
    const left = [...queries];
    let answers = 0;
    let bytes = 0;
    const next = (client: RawClient) => {
      const sql = left.shift();
      if (sql === undefined) client.quit();
      else client.query(encodeQuery(sql));
    };
    const owner: Owner = {
      ready: next,
      answered: (client) => {
        answers++;
        next(client);
      },
      progressed: (_client, size) => {
        bytes += size;
      },
      closed: (client, reason) => {
        if (reason === null) resolve({ answers, resumed: client.resumed, bytes });
        else reject(new Error(reason));
      },
    };
    const address = { host: here.host, port: here.port };
    const credentials = new Credentials(account);
    new RawClient({ address, credentials, ...(tls ? { tls } : {}) }, owner);
  });
}

async function newAccount(here: TestServer): Promise<Account> {
  const database = await here.database();
  return { ...(await here.user({ database })), database };
}

describe.each(ENGINES)("the load generators' client on %s", (engine) => {
  test("logs in without TLS, the first time and when the server knows the account", async () => {
    const here = await server(engine);
    const account = await newAccount(here);
    for (let login = 0; login < 2; login++) {
      expect((await converse(here, account, ["SELECT 1"])).answers).toBe(1);
    }
  });

  test("resumes TLS sessions when told to", async () => {
    const here = await server(engine);
    const account = await newAccount(here);
    const fresh: TlsUse = { resume: false, session: null };
    expect((await converse(here, account, ["SELECT 1"], fresh)).resumed).toBe(false);
    expect((await converse(here, account, ["SELECT 1"], fresh)).resumed).toBe(false);
    const resuming: TlsUse = { resume: true, session: null };
    await converse(here, account, ["SELECT 1"], resuming);
    expect((await converse(here, account, ["SELECT 1"], resuming)).resumed).toBe(true);
  });

  test("finds the end of every kind of response", async () => {
    const here = await server(engine);
    const account = await newAccount(here);
    const queries = [
      "CREATE TABLE t (a INT, b LONGTEXT)",
      "INSERT INTO t VALUES (1, REPEAT('x', 300000)), (2, REPEAT('y', 100000)), (3, NULL)",
      "SELECT * FROM t",
      "SELECT * FROM t WHERE a > 3",
      "DO 1",
      "SELECT 1",
    ];
    const { answers, bytes } = await converse(here, account, queries);
    expect(answers).toBe(queries.length);
    expect(bytes).toBeGreaterThan(400_000);
  });

  test("tells what the server objects to", async () => {
    const here = await server(engine);
    const account = await newAccount(here);
    await expect(converse(here, account, ["SELECT nothing"])).rejects.toThrow(/ERROR 1054/);
    const wrong = { ...account, password: "wrong" };
    await expect(converse(here, wrong, [])).rejects.toThrow(/ERROR 1045/);
  });
});
