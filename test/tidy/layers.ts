/** The layer table of CONTRIBUTING.md as data. The first entry that a file's path starts with is its layer. */
export interface Layer {
  readonly path: string;
  /** Paths that it may import beside itself. */
  readonly imports: readonly string[];
  /** `node:` modules; "any" for the edges. */
  readonly node: readonly string[] | "any";
  /** Packages; "any" for the edges. */
  readonly packages: readonly string[] | "any";
}

const CORE_NODE = ["node:buffer"];

const BELOW_NET = [
  "proxy/base",
  "proxy/wire",
  "proxy/auth",
  "proxy/sql",
  "proxy/session",
  "proxy/pool",
  "proxy/spec",
  "proxy/observe",
  "proxy/target",
  "proxy/rules",
];

const CONTROL_PACKAGES = [
  "@aws-sdk/client-cloudwatch",
  "@aws-sdk/client-cloudwatch-logs",
  "@aws-sdk/client-iam",
  "@aws-sdk/client-rds",
  "@aws-sdk/client-secrets-manager",
  "@aws-sdk/client-sts",
  "@aws-sdk/core",
  "@smithy/core",
];

export const LAYERS: readonly Layer[] = [
  { path: "proxy/base/", imports: [], node: CORE_NODE, packages: [] },
  { path: "proxy/wire/", imports: ["proxy/base"], node: CORE_NODE, packages: [] },
  {
    path: "proxy/auth/",
    imports: ["proxy/base", "proxy/wire"],
    node: [...CORE_NODE, "node:crypto"],
    packages: [],
  },
  { path: "proxy/sql/", imports: ["proxy/base"], node: CORE_NODE, packages: [] },
  {
    path: "proxy/session/",
    imports: ["proxy/base", "proxy/wire", "proxy/sql", "proxy/auth"],
    node: CORE_NODE,
    packages: [],
  },
  { path: "proxy/pool/", imports: ["proxy/base"], node: CORE_NODE, packages: [] },
  {
    path: "proxy/rules/",
    imports: ["proxy/base", "proxy/wire", "proxy/sql"],
    node: CORE_NODE,
    packages: [],
  },
  { path: "proxy/spec/", imports: ["proxy/base"], node: CORE_NODE, packages: ["yaml", "zod"] },
  {
    path: "proxy/observe/",
    imports: ["proxy/base", "proxy/spec"],
    node: CORE_NODE,
    packages: ["prom-client"],
  },
  {
    path: "proxy/admin/",
    imports: ["proxy/base", "proxy/spec", "proxy/observe"],
    node: ["node:http", "node:net"],
    packages: ["hono", "@hono/node-server", "prom-client"],
  },
  {
    path: "proxy/target/",
    imports: ["proxy/base", "proxy/wire", "proxy/pool"],
    node: CORE_NODE,
    packages: [],
  },
  { path: "proxy/net/", imports: [...BELOW_NET, "proxy/ports.ts"], node: "any", packages: [] },
  {
    path: "proxy/ports.ts",
    imports: ["proxy/spec", "proxy/observe", "proxy/admin"],
    node: [],
    packages: [],
  },
  { path: "proxy/", imports: ["proxy"], node: "any", packages: [] },
  // Its port to the data plane and to clusters is its own: nothing of theirs is imported.
  { path: "control/", imports: [], node: "any", packages: CONTROL_PACKAGES },
  { path: "local/", imports: ["proxy/index.ts"], node: "any", packages: "any" },
  {
    path: "lambda/",
    imports: [],
    node: "any",
    packages: ["mysql2", "@aws-sdk/client-secrets-manager"],
  },
  {
    path: "lib/",
    imports: [],
    node: ["node:path"],
    packages: ["aws-cdk-lib", "constructs", "zod"],
  },
  {
    path: "bin/",
    // The configuration, the log, the admin server and the judgement of a statement are of use without a running proxy.
    imports: [
      "proxy/index.ts",
      "proxy/ports.ts",
      "proxy/spec",
      "proxy/observe",
      "proxy/admin",
      "proxy/sql",
      "local/index.ts",
      "control/index.ts",
      "lib/index.ts",
      "lambda/webhook/index.ts",
      "package.json",
    ],
    node: "any",
    packages: "any",
  },
];

/** The doors: the only files of the name index.ts. */
export const DOORS = [
  "proxy/index.ts",
  "control/index.ts",
  "local/index.ts",
  "lib/index.ts",
  "lambda/webhook/index.ts",
];

export function layerOf(file: string): Layer | null {
  return LAYERS.find(({ path }) => file.startsWith(path)) ?? null;
}

/** Why a file may not import another one or a package; null where it may. */
export function objectionTo(from: string, to: string, relative: boolean): string | null {
  const layer = layerOf(from);
  if (layer === null) return null;
  if (relative) {
    const inside = [
      layer.path,
      ...layer.imports.map((each) => (/\.\w+$/.test(each) ? each : `${each}/`)),
    ];
    return inside.some((each) => to === each || (each.endsWith("/") && to.startsWith(each)))
      ? null
      : `${layer.path} may not import ${to}`;
  }
  const allowed = to.startsWith("node:") ? layer.node : layer.packages;
  return allowed === "any" || allowed.includes(to) ? null : `${layer.path} may not import ${to}`;
}
