import { type App, Tags } from "aws-cdk-lib";
import { DatabaseStack } from "./database-stack.ts";
import { NetworkStack } from "./network-stack.ts";
import { ProxyStack } from "./proxy-stack.ts";
import type { Stage, StageSettings } from "./stage-settings.ts";
import { WebhookStack } from "./webhook-stack.ts";

export interface SluiceApplicationProps {
  readonly stage: Stage;
  readonly settings: StageSettings;
}

/** The four stacks of a stage, each needing only those before it. */
export class SluiceApplication {
  readonly network: NetworkStack;
  readonly database: DatabaseStack;
  readonly proxy: ProxyStack;
  readonly webhook: WebhookStack;

  constructor(app: App, { stage, settings }: SluiceApplicationProps) {
    const name = (part: string) => `sluice-${stage}-${part}`;
    const terminationProtection = settings.database.deletionProtection;
    this.network = new NetworkStack(app, name("network"), { settings });
    const { vpc } = this.network;
    this.database = new DatabaseStack(app, name("database"), {
      vpc,
      settings: settings.database,
      terminationProtection,
    });
    const { database } = this.database;
    this.proxy = new ProxyStack(app, name("proxy"), { vpc, database, settings });
    this.webhook = new WebhookStack(app, name("webhook"), {
      vpc,
      proxy: this.proxy.proxy,
      databaseSecret: database.secret,
      settings,
    });
    Tags.of(app).add("application", "sluice");
    Tags.of(app).add("stage", stage);
  }
}
