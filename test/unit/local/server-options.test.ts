import { describe, expect, test } from "vitest";
import { type Accounts, accountStatements } from "../../../local/accounts.ts";
import type { Engine } from "../../../local/engine.ts";
import type { ServerBinary } from "../../../local/server-binary.ts";
import { type ServerSettings, serverArguments } from "../../../local/server-options.ts";
import { quoteName, quoteText } from "../../../local/sql-text.ts";

function binary(engine: Engine): ServerBinary {
  const nothing = { shareDir: null, image: null, tool: () => null };
  return {
    engine,
    version: "9.7.4",
    command: ["mysqld"],
    path: "mysqld",
    homeOptions: ["--basedir=/b"],
    ...nothing,
  };
}

function options(engine: Engine, settings: ServerSettings = {}, readOnly = false): string[] {
  const place = {
    dataDir: "/d",
    socketPath: "/r/s.sock",
    pidFile: "/r/s.pid",
    host: "127.0.0.1",
    port: 4001,
  };
  const tls = { caFile: "/t/ca", certFile: "/t/cert", keyFile: "/t/key" };
  return serverArguments({
    binary: binary(engine),
    place,
    serverId: 7,
    tls,
    readOnly,
    settings,
    initFile: null,
  });
}

describe("a server's options", () => {
  test("begin with --no-defaults: the machine's own settings are not ours", () => {
    expect(options("mysql")[0]).toBe("--no-defaults");
    expect(options("mysql")).toContain("--basedir=/b");
  });

  test.each(["mysql", "mariadb"] as const)(
    "listen on loopback only, each %s with a number of its own",
    (engine) => {
      expect(options(engine)).toEqual(
        expect.arrayContaining([
          "--bind-address=127.0.0.1",
          "--port=4001",
          "--server-id=7",
          "--datadir=/d",
        ]),
      );
    },
  );

  test("give way to the user's own, once each", () => {
    const found = options("mysql", {
      "max-connections": 9,
      "performance-schema": "ON",
      "general-log": true,
    });
    expect(found.filter((option) => option.startsWith("--max-connections"))).toEqual([
      "--max-connections=9",
    ]);
    expect(found.filter((option) => option.startsWith("--performance-schema"))).toEqual([
      "--performance-schema=ON",
    ]);
    expect(found).toContain("--general-log");
  });

  test("refuse writes from the first moment on a reader", () => {
    expect(options("mysql", {}, true)).toContain("--super-read-only=ON");
    expect(options("mariadb", {}, true)).toContain("--read-only=ON");
    expect(options("mysql").join(" ")).not.toContain("read-only");
  });
});

describe("account statements", () => {
  const account = (user: string) => ({ user, password: `${user}'s \\ secret` });
  const accounts: Accounts = {
    root: account("root"),
    admin: account("admin"),
    monitor: account("monitor"),
    replication: account("replication"),
    application: { ...account("app"), database: "app`s" },
  };

  test.each(["mysql", "mariadb"] as const)(
    "stay out of the binary log and fit on a line each: %s",
    (engine) => {
      const statements = accountStatements(engine, accounts);
      expect(statements[0]).toBe("SET SESSION sql_log_bin = 0");
      for (const statement of statements) expect(statement).not.toMatch(/[\n;]/);
    },
  );

  test("quote names and passwords", () => {
    const statements = accountStatements("mysql", accounts);
    expect(statements).toContain("CREATE DATABASE IF NOT EXISTS `app``s`");
    expect(statements).toContain(
      "CREATE USER IF NOT EXISTS 'app'@'%' IDENTIFIED BY 'app''s \\\\ secret'",
    );
  });
});

describe("quoting", () => {
  test("refuses what would end a line of the first start's file", () => {
    expect(() => quoteText("a\nb")).toThrow(/line breaks/);
    expect(() => quoteText("a\0b")).toThrow(/zero bytes/);
    expect(() => quoteName("a\0b")).toThrow(/zero bytes/);
  });
});
