import { describe, expect, it } from "vitest";
import { parseSpec } from "../../../proxy/spec/parse-spec.ts";
import type { ProxySpec } from "../../../proxy/spec/proxy-spec.ts";

const SMALLEST = `
auth: [{ username: app, password: { env: APP_PASSWORD } }]
target: { hosts: ["127.0.0.1:3306"] }
`;

const WHOLE = `
name: app
endpoints:
  - { name: default, targetRole: READ_WRITE, host: 127.0.0.1, port: 6033 }
  - { name: reader,  targetRole: READ_ONLY,  host: 127.0.0.1, port: 6034 }
requireTLS: false
tls: { certFile: ./server.crt, keyFile: ./server.key }
idleClientTimeout: 1800
debugLogging: false
auth:
  - username: app
    password: { env: APP_PASSWORD }
    iamAuth: DISABLED
    clientPasswordAuthType: MYSQL_CACHING_SHA2_PASSWORD
target:
  hosts: ["127.0.0.1:3306"]
  topology: aurora
  domainSuffix: ""
  monitor: { username: monitor, password: { env: MONITOR_PASSWORD }, interval: 500, timeout: 800, maxLag: 10000 }
  tls: PREFERRED
pool:
  maxConnectionsPercent: 100
  maxConnections: null
  maxIdleConnectionsPercent: 50
  connectionBorrowTimeout: 120
  sessionPinningFilters: []
  initQuery: ""
pinning: rds
rules: []
admin: { host: 127.0.0.1, port: 6080 }
`;

function specOf(text: string): ProxySpec {
  const parsed = parseSpec(text, "proxy.yaml");
  if (!parsed.ok)
    throw new Error(parsed.problems.map((each) => `${each.key}: ${each.message}`).join("\n"));
  return parsed.spec;
}

function problemsOf(text: string): string[] {
  const parsed = parseSpec(text, "proxy.yaml");
  return parsed.ok
    ? []
    : parsed.problems.map((each) => `${each.line}:${each.column} ${each.key}: ${each.message}`);
}

function warningsOf(text: string): string[] {
  const parsed = parseSpec(text, "proxy.yaml");
  return parsed.ok ? parsed.warnings.map((each) => `${each.key}: ${each.message}`) : ["refused"];
}

function withPool(pool: string): string {
  return `${SMALLEST}pool: ${pool}\n`;
}

describe("a configuration file", () => {
  it("is read with every key of the contract", () => {
    const spec = specOf(WHOLE);
    expect(spec.endpoints.map((each) => [each.name, each.targetRole, each.port])).toEqual([
      ["default", "READ_WRITE", 6033],
      ["reader", "READ_ONLY", 6034],
    ]);
    expect(spec.tls).toEqual({ certFile: "./server.crt", keyFile: "./server.key" });
    expect(spec.target).toMatchObject({
      hosts: [{ host: "127.0.0.1", port: 3306 }],
      topology: "aurora",
      monitor: { credential: { username: "monitor" }, interval: 500, timeout: 800, maxLag: 10_000 },
      tls: "PREFERRED",
      caFile: null,
    });
    expect(spec.auth[0]).toMatchObject({
      credential: {
        from: "password",
        username: "app",
        password: { from: "env", name: "APP_PASSWORD" },
      },
      iamAuth: "DISABLED",
      clientPasswordAuthType: "MYSQL_CACHING_SHA2_PASSWORD",
    });
    expect(warningsOf(WHOLE)).toEqual([]);
  });

  it("needs only users and a target, and takes RDS's defaults for the rest", () => {
    expect(specOf(SMALLEST)).toMatchObject({
      name: "sluice",
      endpoints: [{ name: "default", targetRole: "READ_WRITE", host: "127.0.0.1", port: 6033 }],
      requireTLS: false,
      tls: null,
      idleClientTimeout: 1800,
      debugLogging: false,
      target: {
        topology: "static",
        domainSuffix: "",
        monitor: { credential: null, interval: 500 },
      },
      pool: {
        maxConnectionsPercent: 100,
        maxConnections: null,
        maxIdleConnectionsPercent: 50,
        connectionBorrowTimeout: 120,
        sessionPinningFilters: [],
        initQuery: "",
      },
      pinning: "rds",
      limits: { maxClientConnections: 65_536, maxConnectionRate: 0 },
      admin: { host: "127.0.0.1", port: 6080 },
    });
  });

  it("may be JSON", () => {
    const json = JSON.stringify({
      auth: [{ username: "app", password: { env: "P" } }],
      target: { hosts: ["db"] },
    });
    expect(specOf(json).target.hosts).toEqual([{ host: "db", port: 3306 }]);
  });

  it.each([
    ["db.example:3307", { host: "db.example", port: 3307 }],
    ["db.example", { host: "db.example", port: 3306 }],
    ["[::1]:3307", { host: "::1", port: 3307 }],
    ["[fe80::1]", { host: "fe80::1", port: 3306 }],
  ])("reads the target %s", (text, host) => {
    expect(specOf(SMALLEST.replace("127.0.0.1:3306", text)).target.hosts).toEqual([host]);
  });

  it.each([
    ["{ maxConnectionsPercent: 60 }", 30],
    ["{ maxConnectionsPercent: 25 }", 12],
    ["{ maxConnectionsPercent: 60, maxIdleConnectionsPercent: 60 }", 60],
    ["{ maxIdleConnectionsPercent: 7 }", 7],
    ["{}", 50],
  ])("with the pool %s keeps at most %i percent idle", (pool, percent) => {
    expect(specOf(withPool(pool)).pool.maxIdleConnectionsPercent).toBe(percent);
  });

  it("holds a password given in the file so that nothing prints it", () => {
    const spec = specOf(SMALLEST.replace("{ env: APP_PASSWORD }", "{ value: s3cret-word }"));
    const { credential } = spec.auth[0]!;
    expect(JSON.stringify(spec)).not.toContain("s3cret-word");
    expect(
      credential.from === "password" &&
        credential.password.from === "value" &&
        credential.password.value.reveal(),
    ).toBe("s3cret-word");
  });
});

describe("a wrong configuration file", () => {
  it("is refused with all problems at once, in the order of the file", () => {
    const text = [
      "name: app-",
      "endpoints:",
      "  - { name: a, targetRole: WRITE, host: 127.0.0.1, port: 6033 }",
      "  - { name: a, targetRole: READ_ONLY, host: 127.0.0.1, port: 6033 }",
      "idleClientTimeout: 0",
      "auth:",
      "  - { username: app, password: { env: P } }",
      "  - { username: app, password: { env: P } }",
      "target: { hosts: [] }",
      "maxPool: 3",
    ].join("\n");
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(/^1:7 name: must be letters/),
      "3:28 endpoints[0].targetRole: must be READ_WRITE or READ_ONLY",
      "4:13 endpoints[1].name: is the name of endpoints[0] too",
      "4:62 endpoints[1].port: 127.0.0.1:6033 is the address of endpoints[0] too",
      "5:20 idleClientTimeout: must be at least 1, found 0",
      expect.stringContaining(
        '8:17 auth[1].username: Credentials couldn\'t be retrieved. The database user "app" was found in multiple',
      ),
      "9:18 target.hosts: must have at least 1 entry",
      expect.stringMatching(/^10:1 maxPool: unknown key/),
    ]);
  });

  it.each([
    ["{ maxConnectionsPercent: 0 }", "pool.maxConnectionsPercent: must be at least 1, found 0"],
    [
      "{ maxConnectionsPercent: 101 }",
      "pool.maxConnectionsPercent: must be at most 100, found 101",
    ],
    [
      "{ maxConnectionsPercent: 20, maxIdleConnectionsPercent: 21 }",
      "must be at most maxConnectionsPercent (20), found 21",
    ],
    ["{ connectionBorrowTimeout: 301 }", "must be at most 300, found 301"],
    ["{ connectionBorrowTimeout: 1.5 }", "must be a whole number, found a number"],
    ["{ connectionBorrowTimeout: '5' }", "must be a number, found a text"],
    ["{ sessionPinningFilters: [EXCLUDE_VARIABLES] }", "must be EXCLUDE_VARIABLE_SETS"],
    ["{ MaxConnectionsPercent: 5 }", "unknown key; did you mean maxConnectionsPercent?"],
    ["{ idleClientTimeout: 5 }", "unknown key; it belongs at the top"],
    ["7", "pool: must be a map of keys, found a number"],
  ])("is refused for the pool %s", (pool, message) => {
    expect(problemsOf(withPool(pool))).toEqual([expect.stringContaining(message)]);
  });

  it.each([
    [
      "a plain password",
      "{ username: a, password: hunter2 }",
      "write { env: NAME }, { file: PATH } or { value: TEXT }",
    ],
    [
      "two sources of a password",
      "{ username: a, password: { env: A, file: b } }",
      "exactly one of env, file and value",
    ],
    [
      "no source of a password",
      "{ username: a, password: {} }",
      "exactly one of env, file and value",
    ],
    ["no password", "{ username: a }", "needs a password or a secretArn"],
    ["no user", "{ password: { env: A } }", "auth[0].username: is required"],
    [
      "a password beside a secret",
      "{ username: a, password: { env: A }, secretArn: 'arn:aws:secretsmanager:eu-west-1:1:secret:x' }",
      "exclude each other",
    ],
    [
      "something that is no secret",
      "{ secretArn: 'arn:aws:s3:::x' }",
      "must be the ARN of a Secrets Manager secret",
    ],
    [
      "an engine of another family",
      "{ username: a, password: { env: A }, clientPasswordAuthType: POSTGRES_MD5 }",
      "MYSQL_NATIVE_PASSWORD",
    ],
  ])("is refused for %s", (_, entry, message) => {
    expect(problemsOf(SMALLEST.replace(/auth:.*/, `auth: [${entry}]`))).toEqual([
      expect.stringContaining(message),
    ]);
  });

  it("never has its values repeated where a password may stand", () => {
    const texts = [
      "auth: hunter2",
      "auth: [hunter2]",
      "auth: [{ password: hunter2 }]",
      "auth: [{ password: [hunter2] }]",
      "hunter2",
      "auth: {hunter2",
    ];
    for (const text of texts) {
      expect(problemsOf(text).length, text).toBeGreaterThan(0);
      expect(problemsOf(text).join("\n")).not.toContain("hunter2");
    }
  });

  it.each([
    ["text that is no YAML", "auth: [1\nname: x", 2],
    ["a key given twice", "name: a\nname: b", 2],
    ["an alias to nothing", "\nname: *x", 2],
    ["nothing", "", 1],
    ["two documents", `${SMALLEST}---\n${SMALLEST}`, 4],
  ])("is refused for %s, with the line", (_, text, line) => {
    const parsed = parseSpec(text, "proxy.yaml");
    expect(parsed.ok ? [] : parsed.problems.map((each) => each.line)).toContain(line);
  });

  it("does not blow up on aliases that multiply", () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `l${i}: &l${i} [${Array(9).fill(i === 0 ? "x" : `*l${i - 1}`)}]`,
    );
    expect(problemsOf(levels.join("\n"))).toEqual([expect.stringContaining("alias")]);
  });

  it("is told what it lacks", () => {
    expect(problemsOf("name: x")).toEqual(["1:1 auth: is required", "1:1 target: is required"]);
    expect(problemsOf(`${SMALLEST}tls: { certFile: a }`)).toEqual(["4:1 tls.keyFile: is required"]);
  });

  it("names the key that is given twice", () => {
    expect(problemsOf("name: a\nname: b")).toEqual(["2:1 name: is there twice"]);
  });
});

describe("a doubtful configuration file", () => {
  it("is accepted with a warning for IAM without requireTLS", () => {
    const text = SMALLEST.replace("} }]", "}, iamAuth: REQUIRED }]");
    expect(warningsOf(text)).toEqual([expect.stringContaining("over TLS only")]);
    expect(warningsOf(`${text}requireTLS: true\n`)).toEqual([]);
  });

  it("is accepted with a warning for a password in the file", () => {
    expect(warningsOf(SMALLEST.replace("{ env: APP_PASSWORD }", "{ value: x }"))).toEqual([
      expect.stringContaining("stands in the file"),
    ]);
  });

  it("is accepted with a warning for verification without authorities", () => {
    expect(warningsOf(SMALLEST.replace('3306"]', '3306"], tls: VERIFY_CA'))).toEqual([
      expect.stringContaining("caFile"),
    ]);
  });
});
