/**
 * Rules that concern several keys at once. They look at the raw file, so that they speak up together with the schema
 * and not after it: whatever has the wrong type is the schema's to report and is passed over here.
 */
import type { KeyPath } from "./places.ts";

export interface Finding {
  readonly path: KeyPath;
  readonly message: string;
  readonly severity: "problem" | "warning";
}

type Raw = Readonly<Record<string, unknown>>;

export function crossCheck(input: unknown): Finding[] {
  const file = mapOf(input);
  return [
    ...checkEndpoints(file),
    ...checkCredentials(file),
    ...checkHosts(mapOf(file["target"])),
    ...checkTargetTls(mapOf(file["target"])),
    ...checkPool(mapOf(file["pool"])),
    ...checkIam(file),
    ...checkPinning(file),
  ];
}

function checkEndpoints(file: Raw): Finding[] {
  const findings: Finding[] = [];
  const names = new Map<string, number>();
  const addresses = new Map<string, string>();
  listOf(file["endpoints"]).forEach((entry, i) => {
    const { name, host = "127.0.0.1", port } = mapOf(entry);
    if (typeof name === "string") {
      if (names.has(name))
        findings.push(
          problem(["endpoints", i, "name"], `is the name of endpoints[${names.get(name)}] too`),
        );
      else names.set(name, i);
    }
    if (typeof port === "number" && port > 0)
      claim(addresses, `${host}:${port}`, ["endpoints", i, "port"], findings);
  });
  const { host = "127.0.0.1", port = 6080 } = mapOf(file["admin"]);
  if (typeof port === "number" && port > 0)
    claim(addresses, `${host}:${port}`, ["admin", "port"], findings);
  return findings;
}

function claim(
  taken: Map<string, string>,
  address: string,
  path: KeyPath,
  findings: Finding[],
): void {
  const owner = String(path[0]) === "admin" ? "admin" : `endpoints[${path[1]}]`;
  const before = taken.get(address);
  if (before === undefined) taken.set(address, owner);
  else findings.push(problem(path, `${address} is the address of ${before} too`));
}

function checkCredentials(file: Raw): Finding[] {
  const findings: Finding[] = [];
  const users = new Map<string, number>();
  const secrets = new Map<string, number>();
  listOf(file["auth"]).forEach((entry, i) => {
    const map = mapOf(entry);
    if (map !== entry) return;
    findings.push(...checkCredential(map, ["auth", i], true));
    const { username, secretArn } = map;
    if (typeof username === "string") {
      if (users.has(username))
        findings.push(problem(["auth", i, "username"], duplicateUser(username)));
      users.set(username, i);
    }
    if (typeof secretArn === "string") {
      if (secrets.has(secretArn))
        findings.push(
          problem(["auth", i, "secretArn"], `is the secret of auth[${secrets.get(secretArn)}] too`),
        );
      secrets.set(secretArn, i);
    }
  });
  const monitor = mapOf(mapOf(file["target"])["monitor"]);
  findings.push(...checkCredential(monitor, ["target", "monitor"], false));
  return findings;
}

/** As RDS Proxy logs it. */
function duplicateUser(user: string): string {
  return `Credentials couldn't be retrieved. The database user "${user}" was found in multiple DB proxy authentication entries`;
}

function checkCredential(map: Raw, path: KeyPath, required: boolean): Finding[] {
  const { username, password, secretArn } = map;
  const findings: Finding[] = [];
  if (password !== undefined && secretArn !== undefined) {
    findings.push(problem([...path, "password"], "and secretArn exclude each other"));
  } else if (password !== undefined && username === undefined) {
    findings.push(problem([...path, "username"], "is required beside password"));
  } else if (
    password === undefined &&
    secretArn === undefined &&
    (required || username !== undefined)
  ) {
    findings.push(problem(path, "needs a password or a secretArn"));
  }
  const reference = mapOf(password);
  const given = ["env", "file", "value"].filter((key) => reference[key] !== undefined);
  if (reference === password && given.length !== 1) {
    findings.push(problem([...path, "password"], "must have exactly one of env, file and value"));
  }
  if (given.includes("value")) {
    findings.push(warning([...path, "password"], "stands in the file; env or file keep it out"));
  }
  return findings;
}

function checkHosts(target: Raw): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  listOf(target["hosts"]).forEach((entry, i) => {
    if (typeof entry !== "string") return;
    const port = /:(\d+)$/.exec(entry)?.[1];
    if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
      findings.push(
        problem(["target", "hosts", i], `must have a port from 1 to 65535, found ${port}`),
      );
    }
    const whole = (port === undefined ? `${entry}:3306` : entry).toLowerCase();
    if (seen.has(whole)) findings.push(problem(["target", "hosts", i], "is in the list twice"));
    seen.add(whole);
  });
  return findings;
}

function checkTargetTls(target: Raw): Finding[] {
  const { tls = "PREFERRED", caFile } = target;
  const verifies = tls === "VERIFY_CA" || tls === "VERIFY_IDENTITY";
  if (verifies && typeof caFile !== "string") {
    return [
      warning(
        ["target", "tls"],
        "without caFile trusts only the authorities that Node knows; those of RDS are not among them",
      ),
    ];
  }
  if (!verifies && typeof caFile === "string") {
    return [warning(["target", "caFile"], "has no effect without VERIFY_CA or VERIFY_IDENTITY")];
  }
  return [];
}

function checkPool(pool: Raw): Finding[] {
  const findings: Finding[] = [];
  const { maxConnectionsPercent: most, maxIdleConnectionsPercent: idle, maxConnections } = pool;
  if (typeof idle === "number" && typeof most === "number" && idle > most) {
    findings.push(
      problem(
        ["pool", "maxIdleConnectionsPercent"],
        `must be at most maxConnectionsPercent (${most}), found ${idle}`,
      ),
    );
  }
  if (typeof maxConnections === "number" && most !== undefined && most !== 100) {
    findings.push(
      warning(["pool", "maxConnectionsPercent"], "has no effect beside maxConnections"),
    );
  }
  const filters = listOf(pool["sessionPinningFilters"]);
  filters.forEach((filter, i) => {
    if (filters.indexOf(filter) < i)
      findings.push(problem(["pool", "sessionPinningFilters", i], "is in the list twice"));
  });
  return findings;
}

/** TLS is always on offer, so IAM works without requireTLS; but who writes one usually means the other. */
function checkIam(file: Raw): Finding[] {
  if (file["requireTLS"] === true) return [];
  return listOf(file["auth"]).flatMap((entry, i) =>
    mapOf(entry)["iamAuth"] === "REQUIRED"
      ? [
          warning(
            ["auth", i, "iamAuth"],
            "lets this user in over TLS only, though requireTLS is false",
          ),
        ]
      : [],
  );
}

/** Accepted so that files written for a later version load, never silently. */
function checkPinning(file: Raw): Finding[] {
  if (file["pinning"] !== "adaptive") return [];
  return [warning(["pinning"], "adaptive is for a later version: this one pins as rds does")];
}

function problem(path: KeyPath, message: string): Finding {
  return { path, message, severity: "problem" };
}

function warning(path: KeyPath, message: string): Finding {
  return { path, message, severity: "warning" };
}

const NOTHING: Raw = {};

function mapOf(value: unknown): Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Raw)
    : NOTHING;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
