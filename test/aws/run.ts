/**
 * `npm run test:aws`: the AWS SDK for JavaScript, the AWS command line and boto3 each go through the same set-up against `sluice up`: from
 * create-secret to get-metric-statistics, with PyMySQL as the application. The commands of the README run, too.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import * as rds from "@aws-sdk/client-rds";
import { clientsOf } from "../support/aws-clients.ts";
import { until } from "../support/until.ts";
import { type UpDocument, UpProcess } from "../support/up-process.ts";
import { limitsDiffering } from "./model-limits.ts";
import { readmeCommands } from "./readme-commands.ts";

const PACKAGES = ["awscli", "python3-boto3", "python3-pymysql"];
const CLUSTER = "walk";
const MASTER = { user: "appadmin", password: "walk-through-1" };
const root = join(import.meta.dirname, "../..");

interface Outcome {
  readonly name: string;
  readonly problem: string | null;
  readonly seconds: number;
}

function isInstalled(): boolean {
  const aws = spawnSync("/usr/bin/aws", ["--version"]);
  const python = spawnSync("/usr/bin/python3", ["-c", "import boto3, pymysql"]);
  return aws.status === 0 && python.status === 0;
}

/** Debian's packages, if they are not there. */
function install(): void {
  if (isInstalled()) return;
  const command = ["apt-get", "install", "-y", "-q", ...PACKAGES];
  console.log(`installing ${PACKAGES.join(", ")}: ${command.join(" ")}`);
  const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const [program, ...args] = [...sudo, ...command];
  spawnSync(program!, args, { stdio: "inherit" });
  if (!isInstalled()) throw new Error(`${PACKAGES.join(", ")} could not be installed`);
}

/** What every program gets: the endpoint, and whom to be in the database. */
function variablesOf({ awsEndpoint, aws }: UpDocument): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: awsEndpoint,
    AWS_REGION: aws.region,
    AWS_DEFAULT_REGION: aws.region,
    AWS_ACCESS_KEY_ID: aws.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.secretAccessKey,
    AWS_PAGER: "",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    DB_CLUSTER: CLUSTER,
    DB_USER: MASTER.user,
    DB_PASSWORD: MASTER.password,
    DB_NAME: "app",
    DB_CA: aws.caFile,
  };
}

/** A cluster whose instances are small enough for one percent to be one connection. */
async function makeCluster(document: UpDocument): Promise<void> {
  const { rds: client } = clientsOf(
    { url: document.awsEndpoint, region: document.aws.region },
    document.aws,
  );
  await client.send(
    new rds.CreateDBClusterCommand({
      DBClusterIdentifier: CLUSTER,
      Engine: "aurora-mysql",
      MasterUsername: MASTER.user,
      MasterUserPassword: MASTER.password,
      DatabaseName: "app",
    }),
  );
  await rds.waitUntilDBClusterAvailable(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { DBClusterIdentifier: CLUSTER },
  );
  for (const number of [1, 2]) {
    const DBInstanceIdentifier = `${CLUSTER}-${number}`;
    await client.send(
      new rds.CreateDBInstanceCommand({
        DBInstanceIdentifier,
        DBClusterIdentifier: CLUSTER,
        DBInstanceClass: "db.t3.medium",
        Engine: "aurora-mysql",
      }),
    );
    await rds.waitUntilDBInstanceAvailable(
      { client, maxWaitTime: 120, minDelay: 1, maxDelay: 1 },
      { DBInstanceIdentifier },
    );
  }
}

async function untilClusterRests(document: UpDocument): Promise<void> {
  const { rds: client } = clientsOf(
    { url: document.awsEndpoint, region: document.aws.region },
    document.aws,
  );
  await until(
    async () => {
      const { DBClusters = [] } = await client.send(new rds.DescribeDBClustersCommand({}));
      return DBClusters.every(({ Status }) => Status === "available");
    },
    { deadlineMs: 120_000 },
  );
}

type Command = readonly [string, ...string[]];

function run(name: string, [program, ...args]: Command, env: Record<string, string>): Outcome {
  console.log(`\n== ${name}`);
  const began = performance.now();
  const { PATH = "", HOME = "" } = process.env;
  const { status, signal } = spawnSync(program, args, {
    cwd: root,
    // Debian's programs before others of the same name.
    env: { ...env, HOME, PATH: `/usr/bin:/bin:${PATH}` },
    stdio: ["ignore", "inherit", "inherit"],
    timeout: 300_000,
  });
  const seconds = (performance.now() - began) / 1_000;
  return { name, problem: status === 0 ? null : `ended with ${signal ?? status}`, seconds };
}

async function walk(document: UpDocument): Promise<Outcome[]> {
  const here = join(root, "test/aws");
  const variables = variablesOf(document);
  const outcomes: Outcome[] = [];
  const ways: (readonly [string, string, Command])[] = [
    [
      "SDK for JavaScript",
      "by-sdk",
      [process.execPath, join(root, "node_modules/.bin/tsx"), join(here, "walkthrough-sdk.ts")],
    ],
    ["AWS command line", "by-cli", ["/bin/bash", join(here, "walkthrough.sh")]],
    ["boto3", "by-boto3", ["/usr/bin/python3", join(here, "walkthrough.py")]],
  ];
  for (const [name, PROXY, command] of ways) {
    outcomes.push(run(name, command, { ...variables, PROXY }));
    await untilClusterRests(document);
  }
  const script = readmeCommands();
  outcomes.push(
    run("the README's commands", ["/bin/bash", "-euo", "pipefail", "-c", script], variables),
  );
  return outcomes;
}

async function main(): Promise<number> {
  install();
  const up = new UpProcess(["--json", "--no-console", "--instances", "2"]);
  const outcomes: Outcome[] = [];
  try {
    const document = await up.ready();
    console.log(`the AWS API is at ${document.awsEndpoint}`);
    await makeCluster(document);
    outcomes.push(...(await walk(document)));
    const differing = await limitsDiffering();
    outcomes.push({
      name: "limits of the API model",
      problem: differing.length === 0 ? null : differing.join("; "),
      seconds: 0,
    });
  } finally {
    await up.discard();
  }
  console.log("");
  for (const { name, problem, seconds } of outcomes)
    console.log(
      `${problem === null ? "ok    " : "FAILED"} ${name} (${seconds.toFixed(1)} s)${problem === null ? "" : `: ${problem}`}`,
    );
  const failed = outcomes.filter(({ problem }) => problem !== null).length;
  console.log(`${outcomes.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
