import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import * as mariadb from "mariadb";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateLoginKey, type LoginKey } from "../../proxy/auth/login-key.ts";
import { NoncePool } from "../../proxy/auth/nonce-pool.ts";
import { type PasswordScheme, Plugin } from "../../proxy/auth/plugins.ts";
import {
  type Credential,
  ServerLogin,
  type ServerLoginStep,
} from "../../proxy/auth/server-exchange.ts";
import { makeFault } from "../../proxy/base/faults.ts";
import { Capability } from "../../proxy/wire/capabilities.ts";
import { decodeChangeUser } from "../../proxy/wire/change-user.ts";
import { Command } from "../../proxy/wire/command.ts";
import { encodeErr } from "../../proxy/wire/err.ts";
import { encodeGreeting } from "../../proxy/wire/greeting.ts";
import { decodeLogin } from "../../proxy/wire/login.ts";
import { encodeOk, plainOk } from "../../proxy/wire/ok.ts";
import { Status } from "../../proxy/wire/status.ts";
import { PacketLink } from "../support/packet-link.ts";
import { server } from "../support/servers.ts";

const PASSWORD = "pässwörd of a user";
const ACCOUNTS: Record<string, Credential> = {
  native: { kind: "password", password: PASSWORD, scheme: Plugin.NATIVE },
  sha2: { kind: "password", password: PASSWORD, scheme: Plugin.CACHING_SHA2 },
  empty: { kind: "password", password: "", scheme: Plugin.CACHING_SHA2 },
};
const CAPABILITIES =
  Capability.LONG_PASSWORD |
  Capability.CONNECT_WITH_DB |
  Capability.PROTOCOL_41 |
  Capability.TRANSACTIONS |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA |
  Capability.CONNECT_ATTRS |
  Capability.DEPRECATE_EOF;
const OK = encodeOk(plainOk(Status.AUTOCOMMIT), CAPABILITIES);

interface Welcome {
  readonly plugin: PasswordScheme;
  readonly serverVersion?: string;
}

/** The least server there can be: it logs clients in and answers every statement with OK. */
async function serve(
  link: PacketLink,
  { plugin, serverVersion = "8.0.40" }: Welcome,
): Promise<void> {
  const nonce = new NoncePool().next();
  const greeting = { serverVersion, connectionId: 1, nonce, capabilities: CAPABILITIES, plugin };
  link.write(
    encodeGreeting({
      kind: "greeting",
      ...greeting,
      mariadbCapabilities: 0,
      charset: 45,
      status: Status.AUTOCOMMIT,
    }),
  );
  const opened = decodeLogin(await link.read());
  if (opened.kind !== "login") throw new Error(`opened with ${opened.kind}`);
  const logIn = (named: Pick<typeof opened, "user" | "plugin" | "authResponse">) =>
    follow(link, named.user, {
      credential: ACCOUNTS[named.user] ?? null,
      decoyScheme: Plugin.CACHING_SHA2,
      plugin: named.plugin,
      authResponse: named.authResponse,
      canSwitch: true,
      secure: false,
      nonce,
      key,
    });
  if (!(await logIn(opened))) return;
  for (;;) {
    const command = await link.read();
    if (command[0] === Command.QUIT) return;
    if (command[0] !== Command.CHANGE_USER) link.write(OK);
    else if (!(await logIn(decodeChangeUser(command, opened.capabilities)))) return;
  }
}

async function follow(
  link: PacketLink,
  user: string,
  options: ConstructorParameters<typeof ServerLogin>[0],
): Promise<boolean> {
  const login = new ServerLogin(options);
  let step: ServerLoginStep = login.start();
  while (step.kind === "send") {
    link.write(step.payload);
    step = login.receive(await link.read());
  }
  if (step.kind === "accept") {
    if (step.before !== null) link.write(step.before);
    link.write(OK);
    return true;
  }
  const usingPassword = step.kind === "refuse" && step.usingPassword ? "YES" : "NO";
  link.write(encodeErr(makeFault("accessDenied", { user, host: "127.0.0.1", usingPassword })));
  return false;
}

interface Account {
  readonly user: string;
  readonly password: string;
}

/** Logs in, runs one statement, leaves. */
type Driver = (port: number, account: Account) => Promise<void>;

const DRIVERS: Record<string, Driver> = {
  mysql2: async (port, account) => {
    const connection = await mysql.createConnection({ host: "127.0.0.1", port, ...account });
    await connection.query("DO 1").finally(() => connection.end());
  },
  mariadb: async (port, account) => {
    const connection = await mariadb.createConnection({
      host: "127.0.0.1",
      port,
      ...account,
      allowPublicKeyRetrieval: true,
    });
    await connection.query("DO 1").finally(() => connection.end());
  },
};

/** The command-line client that came with this engine, if one did. */
async function commandLine(engine: "mysql" | "mariadb"): Promise<Driver | null> {
  const [program, ...given] = (await server(engine)).client ?? [];
  if (program === undefined) return null;
  const plain =
    engine === "mysql" ? ["--ssl-mode=DISABLED", "--get-server-public-key"] : ["--skip-ssl"];
  return async (port, { user, password }) => {
    const address = [
      "--no-defaults",
      "--protocol=TCP",
      "--host=127.0.0.1",
      `--port=${port}`,
      `--user=${user}`,
    ];
    const env = { ...process.env, MYSQL_PWD: password };
    await promisify(execFile)(program, [...given, ...address, ...plain, "--execute=DO 1"], {
      env,
      timeout: 60_000,
    });
  };
}

let key: LoginKey;
beforeAll(async () => {
  key = await generateLoginKey();
  DRIVERS["command line of MySQL"] = (await commandLine("mysql")) ?? DRIVERS["mysql2"]!;
  DRIVERS["command line of MariaDB"] = (await commandLine("mariadb")) ?? DRIVERS["mariadb"]!;
});

const closers: (() => void)[] = [];
afterAll(() => {
  for (const close of closers) close();
});

async function listen(welcome: Welcome): Promise<number> {
  const listener = createServer((socket) => {
    const link = new PacketLink(socket);
    serve(link, welcome)
      .catch(() => {})
      .finally(() => socket.end());
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  closers.push(() => listener.close());
  return (listener.address() as AddressInfo).port;
}

const NAMES = ["mysql2", "mariadb", "command line of MySQL", "command line of MariaDB"];
/** MySQL's own client lost mysql_native_password with version 9. */
const WITHOUT_NATIVE = ["command line of MySQL"];

for (const name of NAMES) {
  describe(`a login by ${name}`, () => {
    for (const plugin of [Plugin.NATIVE, Plugin.CACHING_SHA2] as const) {
      it(`succeeds for every scheme behind a greeting of ${plugin}`, async () => {
        const port = await listen({ plugin });
        const driver = DRIVERS[name]!;
        if (!WITHOUT_NATIVE.includes(name))
          await driver(port, { user: "native", password: PASSWORD });
        await driver(port, { user: "sha2", password: PASSWORD });
        await driver(port, { user: "empty", password: "" });
      });

      it(`is denied for a wrong password, none, and an unknown user behind a greeting of ${plugin}`, async () => {
        const port = await listen({ plugin });
        const driver = DRIVERS[name]!;
        for (const user of ["native", "sha2", "stranger"]) {
          if (user === "native" && WITHOUT_NATIVE.includes(name)) continue;
          await expect(driver(port, { user, password: "wrong" }), user).rejects.toThrow(
            /Access denied.*YES/,
          );
          await expect(driver(port, { user, password: "" }), user).rejects.toThrow(
            /Access denied.*NO/,
          );
        }
      });
    }
  });
}

describe("a change of user", () => {
  it("goes through the same exchange, by mysql2 and mariadb", async () => {
    const port = await listen({
      plugin: Plugin.CACHING_SHA2,
      serverVersion: "5.5.5-10.11.6-MariaDB",
    });
    const account = { host: "127.0.0.1", port, user: "sha2", password: PASSWORD };
    const first = await mysql.createConnection(account);
    await first.changeUser({ user: "native", password: PASSWORD });
    await first.changeUser({ user: "sha2", password: PASSWORD });
    await first.query("DO 1");
    await expect(first.changeUser({ user: "native", password: "wrong" })).rejects.toThrow(
      /Access denied/,
    );
    first.destroy();
    const second = await mariadb.createConnection({ ...account, allowPublicKeyRetrieval: true });
    await second.changeUser({ user: "native", password: PASSWORD });
    await second.changeUser({ user: "sha2", password: PASSWORD });
    await second.query("DO 1");
    await expect(second.changeUser({ user: "sha2", password: "wrong" })).rejects.toThrow(
      /Access denied/,
    );
    second.destroy();
  });
});
