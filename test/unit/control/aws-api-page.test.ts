import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { requiredMembers } from "../../../control/protocol/service-model.ts";
import type { Service } from "../../../control/service.ts";
import { markdownTable } from "../../support/markdown-table.ts";
import { startControl } from "./control-plane-fixture.ts";

const FILE = join(import.meta.dirname, "../../../docs/aws-api.md");

const TITLES: Readonly<Record<string, string>> = {
  rds: "Relational Database Service",
  secretsmanager: "Secrets Manager",
  iam: "Identity and Access Management",
  sts: "Security Token Service",
  monitoring: "CloudWatch",
  logs: "CloudWatch Logs",
};

/** A change is taken over by `npx vitest run --project unit test/unit/control/aws-api-page.test.ts --update`. */
describe("the page of the AWS API", () => {
  it("is what the code serves, and names what it does not", async () => {
    const { control } = await startControl();
    const { services } = control;
    expect(existsSync(FILE)).toBe(true);
    const served = services.flatMap(({ handlers }) => Object.keys(handlers));
    expect(served.length).toBeGreaterThan(80);
    await expect(pageOf(services)).toMatchFileSnapshot(FILE);
  });

  it("tells of no operation that the service does not have", async () => {
    const { control } = await startControl();
    for (const { model, handlers } of control.services)
      expect(Object.keys(handlers).filter((name) => !model.operations.has(name))).toEqual([]);
  });
});

function pageOf(services: readonly Service[]): string {
  return `${HEAD}
${services.map(sectionOf).join("\n")}`;
}

const HEAD = `# The AWS API

\`sluice up\` serves these operations on one HTTP endpoint, for one account in one region. Shapes, names and errors are those of the AWS
SDK for JavaScript; each service answers in the Query protocol, in JSON 1.0 and 1.1 and in CBOR, whichever a client speaks. Signatures
(version 4, in the header or in the query) are checked, with 15 minutes of difference between the clocks. What an operation does not
know is refused, not ignored. This page is made from the code.

What is real, and what is different from AWS:

- A proxy listens on a loopback address of its own at port 3306, so that the \`Endpoint\` works in a driver as it stands: it is an address,
  not a name. Where the system has one loopback address only (macOS without aliases), the endpoint is \`127.0.0.1:PORT\`.
- A cluster gets its servers with its instances: the first \`CreateDBInstance\` starts the writer, each further one a reader. An instance's
  own id, in \`@@aurora_server_id\`, is the cluster's with a number. \`max_connections\` is Aurora's for the classes small to large of db.t3.
- A server that is there already becomes an instance by the tag \`sluice:address\` (\`host:port\`); \`MasterUsername\` and
  \`MasterUserPassword\` are then whom the proxy watches it as.
- \`FailoverDBCluster\` makes a reader the writer, with about the time that Aurora takes; the cluster is \`failing-over\` meanwhile.
- Proxies read their secrets with the role that they were given, whose policies are evaluated. Conditions that are not understood (others
  than StringEquals, StringLike, ArnLike and their kin on a few keys) never allow.
- \`DefaultAuthScheme=IAM_AUTH\` is refused: a plain MySQL server has no AWSAuthenticationPlugin. \`IAMAuth=REQUIRED\` works.
- A proxy that gets another name is closed and opened again.
- Metrics are kept by the minute for 36 hours, logs for the run. A gauge has one sample a minute: the last value, between the least and the
  most of it; durations are exact in sum and count, their minimum and maximum to a power of two. Percentiles and expressions are refused.
- The proxy that \`sluice up\` itself starts is a process with a file of its own: the API knows its cluster and its secret, not the proxy.
- Subnets, security groups and VPCs are kept and given back; nothing is done with them. Resource policies of secrets are kept as texts.
`;

function sectionOf(service: Service): string {
  const { model, handlers } = service;
  const served = Object.keys(handlers).sort();
  const others = [...model.operations.keys()].filter((name) => !served.includes(name)).sort();
  const rows = served.map((name) => {
    const { input } = model.operations.get(name)!;
    const needed = input.isStructSchema() ? requiredMembers(input) : [];
    const count = input.isStructSchema() ? [...input.structIterator()].length : 0;
    const others = count - needed.length;
    return [`\`${name}\``, needed.map((each) => `\`${each}\``).join(" "), String(others)];
  });
  return `## ${TITLES[model.signingName]}

${markdownTable(["operation", "must have", "may have"], rows)}

Not served: ${others.map((name) => `\`${name}\``).join(" ")}
`;
}
