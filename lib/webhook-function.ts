import { join } from "node:path";
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { type IVpc, Peer, Port, SecurityGroup, SubnetType } from "aws-cdk-lib/aws-ec2";
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, type IFunction, Runtime, Tracing } from "aws-cdk-lib/aws-lambda";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { type ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { SluiceProxy } from "./sluice-proxy.ts";
import type { StageSettings } from "./stage-settings.ts";

/** HTTP APIs give up after 30 s; the function answers before that. */
const TIMEOUT = Duration.seconds(29);
const DATABASE_NAME = "webhook";
const KEY_CHARS = 64;
/** Some bundled CommonJS packages call require() for Node's own modules. */
const BANNER =
  'import { createRequire as sluiceRequire } from "node:module"; const require = sluiceRequire(import.meta.url);';

export interface WebhookFunctionProps {
  readonly vpc: IVpc;
  readonly proxy: SluiceProxy;
  readonly databaseSecret: ISecret;
  readonly settings: Pick<StageSettings, "webhook" | "logRetentionDays">;
}

/** The function of `lambda/webhook`, which reaches the database through the proxy only. */
export class WebhookFunction extends Construct {
  readonly function: IFunction;
  /** What callers sign with; null unless the stage asks for it. */
  readonly key: ISecret | null;

  constructor(scope: Construct, id: string, props: WebhookFunctionProps) {
    super(scope, id);
    const { vpc, proxy, databaseSecret, settings } = props;
    this.key = settings.webhook.protection === "hmac" ? this.#newKey() : null;
    const log = new LogGroup(this, "Log", {
      retention: settings.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const secrets = [databaseSecret, ...(this.key === null ? [] : [this.key])];
    const group = this.#newGroup(vpc);
    this.function = new NodejsFunction(this, "Function", {
      description: "Counts every path that is hit",
      entry: join(import.meta.dirname, "../lambda/webhook/index.ts"),
      handler: "handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.X86_64,
      memorySize: settings.webhook.memoryMiB,
      timeout: TIMEOUT,
      reservedConcurrentExecutions: settings.webhook.concurrency,
      tracing: Tracing.ACTIVE,
      role: this.#newRole(log, secrets),
      logGroup: log,
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      securityGroups: [group],
      environment: {
        SECRET_ARN: databaseSecret.secretArn,
        PROXY_HOST: proxy.endpoint,
        PROXY_PORT: String(proxy.port),
        DATABASE_NAME,
        ...(this.key === null ? {} : { WEBHOOK_KEY_ARN: this.key.secretArn }),
      },
      bundling: {
        format: OutputFormat.ESM,
        // The same bundle runs here and on a laptop: nothing is left to what Lambda happens to have.
        bundleAwsSDK: true,
        mainFields: ["module", "main"],
        target: "node24",
        banner: BANNER,
      },
    });
    // From the function's side, so that the rule belongs to its stack and not to the proxy's.
    this.function.connections.allowToDefaultPort(proxy, "The proxy");
    acknowledge(this.function, {
      "Serverless::Serverless-LambdaDLQ":
        "Called by the HTTP API only, which waits for the answer: the caller learns of a failure, and no event is lost.",
    });
  }

  #newKey(): ISecret {
    const key = new Secret(this, "Key", {
      description: "Callers of the webhook sign with this",
      generateSecretString: { passwordLength: KEY_CHARS, excludePunctuation: true },
    });
    return key as ISecret; // CDK's own types are not written for exactOptionalPropertyTypes.
  }

  #newGroup(vpc: IVpc): SecurityGroup {
    const group = new SecurityGroup(this, "Group", {
      vpc,
      description: "Function of the webhook, to which nothing connects",
      allowAllOutbound: false,
    });
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "Secrets Manager and X-Ray");
    return group;
  }

  /** What Lambda's own managed policies would give, cut down to this function's log. */
  #newRole(log: LogGroup, secrets: readonly ISecret[]): Role {
    const allow = (actions: string[], resources: string[]): PolicyDocument =>
      new PolicyDocument({ statements: [new PolicyStatement({ actions, resources })] });
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      inlinePolicies: {
        Log: allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log.logGroupArn]),
        Network: allow(
          [
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
          ],
          ["*"],
        ),
        Secrets: allow(
          ["secretsmanager:GetSecretValue"],
          secrets.map((secret) => secret.secretArn),
        ),
      },
    });
    const unnamed =
      "Network interfaces and traces cannot be named before they exist; Lambda makes them for the function.";
    acknowledge(role, {
      "AwsSolutions::AwsSolutions-IAM5[Resource::*]": unnamed,
      "Serverless::Serverless-LambdaStarPermissions": unnamed,
    });
    return role;
  }
}
