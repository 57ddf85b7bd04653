import { CfnOutput, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import {
  HttpApi,
  HttpNoneAuthorizer,
  HttpStage,
  LogGroupLogDestination,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import type { IVpc } from "aws-cdk-lib/aws-ec2";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { SluiceProxy } from "./sluice-proxy.ts";
import type { StageSettings } from "./stage-settings.ts";
import { WebhookFunction } from "./webhook-function.ts";

export interface WebhookStackProps extends StackProps {
  readonly vpc: IVpc;
  readonly proxy: SluiceProxy;
  readonly databaseSecret: ISecret;
  readonly settings: Pick<StageSettings, "webhook" | "logRetentionDays">;
}

/** The context variables that each line of the access log has. */
const ACCESS_LOG = Object.fromEntries(
  [
    "requestId",
    "requestTime",
    "protocol",
    "httpMethod",
    "path",
    "routeKey",
    "status",
    "responseLength",
    "responseLatency",
    "integrationLatency",
    "integrationErrorMessage",
  ].map((name) => [name, `$context.${name}`]),
);

const OPEN_REASONS = {
  open: "A trial stage is for a browser: its page shows what anybody has hit. Throttling bounds what that can cost.",
  hmac: "The function checks a signature of each request, which an authorizer could not: it does not see the body.",
} as const;

/** The HTTP API whose every route goes to the webhook's function. */
export class WebhookStack extends Stack {
  readonly webhook: WebhookFunction;

  constructor(scope: Construct, id: string, props: WebhookStackProps) {
    const { vpc, proxy, databaseSecret, settings, ...rest } = props;
    super(scope, id, rest);
    this.webhook = new WebhookFunction(this, "Webhook", { vpc, proxy, databaseSecret, settings });
    const { protection } = settings.webhook;
    const api = new HttpApi(this, "Api", {
      description: "Every path is a hit",
      createDefaultStage: false,
      defaultIntegration: new HttpLambdaIntegration("Integration", this.webhook.function),
      defaultAuthorizer: protection === "iam" ? new HttpIamAuthorizer() : new HttpNoneAuthorizer(),
    });
    if (protection !== "iam")
      acknowledge(api, { "AwsSolutions::AwsSolutions-APIG4": OPEN_REASONS[protection] });
    const stage = this.#stage(api, settings);
    new CfnOutput(this, "WebhookUrl", { value: stage.url });
    if (this.webhook.key !== null)
      new CfnOutput(this, "WebhookKeyArn", { value: this.webhook.key.secretArn });
  }

  #stage(api: HttpApi, { webhook, logRetentionDays }: WebhookStackProps["settings"]): HttpStage {
    const log = new LogGroup(this, "AccessLog", {
      retention: logRetentionDays satisfies RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    return new HttpStage(this, "Stage", {
      httpApi: api,
      stageName: "$default",
      autoDeploy: true,
      throttle: { rateLimit: webhook.requestsPerSecond, burstLimit: webhook.burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(log),
        format: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
      detailedMetricsEnabled: true,
    });
  }
}
