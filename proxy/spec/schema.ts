/**
 * The configuration file as a schema: keys, types, ranges, defaults and what each is for. What concerns several keys
 * at once is in `cross-checks.ts`. The published JSON Schema and the list of settings are made from this.
 */
import * as z from "zod";
import { BOUNDS } from "../base/bounds.ts";

/** RDS's rule for the names of proxies and endpoints. */
const NAME = /^[a-zA-Z](?:-?[a-zA-Z0-9]+)*$/;
/** `host`, `host:port`, `[v6]`, `[v6]:port`. */
export const HOST_WITH_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/;
const SECRET_ARN = /^arn:[^\s:]+:secretsmanager:[^\s:]*:[^\s:]*:secret:\S+$/;

const name = z
  .string()
  .max(63)
  .regex(
    NAME,
    "must be letters, digits and single hyphens, start with a letter and not end with a hyphen",
  );
const listenHost = z.string().max(255).regex(/^\S+$/, "must be an address or host name");
const listenPort = z.int().min(0).max(65_535);
const path = z.string().min(1).max(4_096);

const endpoint = z.strictObject({
  name: name.meta({
    description: "Name in metrics and logs; `default` for the first one by custom.",
  }),
  targetRole: z
    .enum(["READ_WRITE", "READ_ONLY"])
    .default("READ_WRITE")
    .meta({ description: "Whether it leads to the writer or to the readers." }),
  host: listenHost.default("127.0.0.1").meta({ description: "Address to listen on." }),
  port: listenPort.meta({ description: "Port to listen on; 0 takes any free one." }),
  publicHosts: z
    .array(z.string().max(260).regex(HOST_WITH_PORT, "must be HOST or HOST:PORT"))
    .max(16)
    .optional()
    .meta({
      description:
        "What clients know it by where that is not its address, such as the name of a load balancer: IAM tokens are made for one `host:port`.",
    }),
});

const password = z
  .strictObject({
    env: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable")
      .optional()
      .meta({ description: "Name of an environment variable that holds it." }),
    file: path
      .optional()
      .meta({ description: "File that holds it; a line break at its end is left out." }),
    value: z.string().optional().meta({ description: "The password itself; for trials." }),
  })
  .meta({ minProperties: 1, maxProperties: 1 });

const credential = {
  username: z.string().min(1).max(128).optional().meta({ description: "Database user." }),
  password: password
    .optional()
    .meta({ description: "Where the password is: exactly one of the keys below." }),
  secretArn: z
    .string()
    .max(2_048)
    .regex(SECRET_ARN, "must be the ARN of a Secrets Manager secret")
    .optional()
    .meta({ description: "Secret with `username` and `password`, instead of both." }),
};

const auth = z.strictObject({
  ...credential,
  iamAuth: z.enum(["DISABLED", "REQUIRED"]).default("DISABLED").meta({
    description: "Whether clients log in with an IAM token, which they can over TLS only.",
  }),
  clientPasswordAuthType: z
    .enum(["MYSQL_CACHING_SHA2_PASSWORD", "MYSQL_NATIVE_PASSWORD"])
    .default("MYSQL_CACHING_SHA2_PASSWORD")
    .meta({ description: "How clients log in with a password." }),
});

const monitor = z.strictObject({
  ...credential,
  interval: z
    .int()
    .min(50)
    .max(60_000)
    .default(500)
    .meta({ description: "Milliseconds between two probes." }),
  timeout: z
    .int()
    .min(50)
    .max(60_000)
    .default(800)
    .meta({ description: "Milliseconds a probe may take." }),
  maxLag: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(10_000)
    .meta({ description: "Milliseconds a reader may lag behind before it is left out." }),
});

const target = z.strictObject({
  hosts: z
    .array(z.string().max(260).regex(HOST_WITH_PORT, "must be HOST or HOST:PORT"))
    .min(1)
    .max(64)
    .meta({
      description:
        "Database servers, `host:port`; one is enough where the topology shows the others.",
    }),
  topology: z.enum(["aurora", "readOnly", "static"]).default("static").meta({
    description:
      "Where roles come from: Aurora's own view, the servers' read-only switch, or the list (the first host writes).",
  }),
  domainSuffix: z
    .string()
    .max(255)
    .regex(/^\S*$/, "must not contain spaces")
    .default("")
    .meta({ description: "With `aurora`: a discovered instance's host name is its id and this." }),
  instances: z
    .record(
      z.string().min(1).max(255),
      z.string().max(260).regex(HOST_WITH_PORT, "must be HOST or HOST:PORT"),
    )
    .default({})
    .meta({
      description:
        "With `aurora`: `host:port` by id, for instances that `domainSuffix` does not lead to.",
    }),
  clusterIdentifier: z
    .string()
    .max(255)
    .regex(/^\S*$/, "must not contain spaces")
    .default("")
    .meta({
      description:
        "With `aurora`: the DB cluster whose instances the RDS API locates, where the two keys above do not.",
    }),
  monitor: monitor
    .prefault({})
    .meta({ description: "How servers are watched. Without a user: as the first one of `auth`." }),
  tls: z
    .enum(["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
    .default("PREFERRED")
    .meta({ description: "TLS towards the servers, as `--ssl-mode` of MySQL's clients." }),
  caFile: path
    .nullable()
    .default(null)
    .meta({ description: "Certificate authorities for VERIFY_CA and VERIFY_IDENTITY (PEM)." }),
});

const pool = z.strictObject({
  maxConnectionsPercent: z.int().min(1).max(100).optional().meta({
    default: 100,
    description: "Most backends on each target, in percent of its `max_connections`.",
  }),
  maxConnections: z.int().min(1).max(100_000).nullable().default(null).meta({
    description: "Most backends on each target, as a number; takes the place of the percentage.",
  }),
  maxIdleConnectionsPercent: z.int().min(0).max(100).optional().meta({
    default: 50,
    description:
      "Most idle ones that are kept, in percent. Half of `maxConnectionsPercent` where only that is given.",
  }),
  connectionBorrowTimeout: z
    .int()
    .min(0)
    .max(300)
    .default(120)
    .meta({ description: "Seconds a session waits for a backend; 0 fails at once." }),
  sessionPinningFilters: z
    .array(z.enum(["EXCLUDE_VARIABLE_SETS"]))
    .default([])
    .meta({ description: "What does not pin though it changes the session." }),
  initQuery: z
    .string()
    .max(BOUNDS.statementTextBytes)
    .default("")
    .meta({ description: "Statements for each new backend, separated by semicolons." }),
});

const limits = z.strictObject({
  maxClientConnections: z
    .int()
    .min(1)
    .max(BOUNDS.clientConnectionsMax)
    .default(BOUNDS.clientConnectionsMax)
    .meta({ description: "Open client connections; more are refused with error 1040." }),
  maxConnectionRate: z.int().min(0).max(1_000_000).default(0).meta({
    description: "New client connections a second; more are refused with error 1040. 0: no limit.",
  }),
});

const admin = z.strictObject({
  host: listenHost.default("127.0.0.1").meta({ description: "Address of the admin server." }),
  port: listenPort.default(6080).meta({ description: "Its port; 0 takes any free one." }),
});

const tls = z.strictObject({
  certFile: path.meta({ description: "Certificate chain (PEM)." }),
  keyFile: path.meta({ description: "Private key (PEM)." }),
});

export const specSchema = z
  .strictObject({
    name: name.default("sluice").meta({ description: "Name of the proxy in metrics and logs." }),
    endpoints: z
      .array(endpoint)
      .min(1)
      .max(21)
      .default([{ name: "default", targetRole: "READ_WRITE", host: "127.0.0.1", port: 6033 }])
      .meta({ description: "Where clients connect." }),
    requireTLS: z.boolean().default(false).meta({ description: "Refuse clients without TLS." }),
    tls: tls.nullable().default(null).meta({
      description: "Certificate for clients; without it, a self-signed one is made at start.",
    }),
    idleClientTimeout: z
      .int()
      .min(1)
      .max(28_800)
      .default(1_800)
      .meta({ description: "Seconds after which a client without requests is closed." }),
    debugLogging: z.boolean().default(false).meta({
      description:
        "Log connections and statement digests too. Turns itself off after 24 hours, as RDS Proxy's.",
    }),
    auth: z
      .array(auth)
      .min(1)
      .max(200)
      .meta({ description: "The database users that may log in." }),
    target: target.meta({ description: "The database." }),
    pool: pool.prefault({}).meta({ description: "How backends are shared." }),
    pinning: z.enum(["rds", "adaptive"]).default("rds").meta({
      description:
        "`rds` pins exactly when RDS Proxy does; `adaptive` is for a later version and pins as `rds` in this one.",
    }),
    rules: z
      .array(z.unknown())
      .max(0, "must be empty: rules are not part of this version")
      .default([])
      .meta({ description: "Reserved for routing rules." }),
    limits: limits
      .prefault({})
      .meta({ description: "Limits on clients, beyond RDS Proxy's settings." }),
    admin: admin.prefault({}).meta({ description: "The admin HTTP server." }),
  })
  .meta({ title: "Configuration of a Sluice proxy" });

/** A file that fits the schema, with defaults. */
export type SpecFile = z.output<typeof specSchema>;

/** The schema as JSON Schema, for editors. */
export function specJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(specSchema, { io: "input" }) as Record<string, unknown>;
}
