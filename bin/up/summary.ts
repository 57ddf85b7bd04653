import type { AccessLogEntry } from "../../local/index.ts";
import { VERSION } from "../version.ts";
import { READER_ENDPOINT, WRITER_ENDPOINT } from "./proxy-config.ts";
import { endpointOf, type Stack } from "./stack.ts";

const LABEL_CHARS = 11;

/** What runs where, and what to try, for people. */
export function summarise(stack: Stack, seconds: number): string {
  const { aurora, aws, secret, proxy, webhookUrl, consoleUrl, configFile } = stack;
  const { cluster, instances } = aurora;
  const writer = endpointOf(proxy, WRITER_ENDPOINT);
  const reader = endpointOf(proxy, READER_ENDPOINT);
  const { user, password, database } = cluster.accounts.application;
  const { adminUrl } = proxy.ready;
  return [
    `Sluice ${VERSION} is up, after ${seconds.toFixed(1)} s.`,
    "",
    part("Webhook", webhookUrl),
    part("", `curl ${webhookUrl}any/path`),
    "",
    part(
      "Proxy",
      `${writer.host}:${writer.port} to the writer, ${reader.host}:${reader.port} to the readers`,
    ),
    part(
      "",
      `mysql --host=${writer.host} --port=${writer.port} --user=${user} --password=${password} ${database}`,
    ),
    part("", `${configFile} (changes take effect when saved)`),
    "",
    part("Database", `${cluster.engine} ${cluster.version}`),
    ...instances.map(({ id, role, host, port, pid }) =>
      part("", `${id.padEnd(10)} ${role.padEnd(7)} ${host}:${port}  pid ${pid}`),
    ),
    "",
    part("Admin", `${adminUrl}/metrics  ${adminUrl}/api/v1/state  ${adminUrl}/api/v1/pins`),
    ...(consoleUrl === null ? [] : [part("Console", consoleUrl)]),
    "",
    part("AWS API", `${aws.endpoint} (RDS, Secrets Manager, IAM, STS, CloudWatch)`),
    part("", `export AWS_ENDPOINT_URL=${aws.endpoint} AWS_REGION=${aws.region} \\`),
    part("", `  AWS_ACCESS_KEY_ID=${aws.accessKeyId} AWS_SECRET_ACCESS_KEY=${aws.secretAccessKey}`),
    part("", `aws rds describe-db-clusters --db-cluster-identifier ${cluster.id}`),
    part("", `aws secretsmanager get-secret-value --secret-id ${secret.name}`),
    part("", `aws rds failover-db-cluster --db-cluster-identifier ${cluster.id}`),
    "",
    ...(instances.length > 1
      ? ["sluice failover, in another terminal, makes a reader the writer, under load."]
      : []),
    "Ctrl-C stops everything.",
    "",
  ].join("\n");
}

function part(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_CHARS)}${text}`;
}

/** One line for each request of the webhook. */
export function accessLine(entry: AccessLogEntry): string {
  const { httpMethod, path, status, responseLatency, integrationError } = entry;
  const why = integrationError === undefined ? "" : `: ${integrationError}`;
  return `${httpMethod} ${path} ${status} ${responseLatency} ms${why}`;
}
