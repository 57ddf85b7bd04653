import { Stack, type StackProps } from "aws-cdk-lib";
import type { IVpc } from "aws-cdk-lib/aws-ec2";
import type { Construct } from "constructs";
import { AuroraDatabase } from "./database.ts";
import type { DatabaseSettings } from "./stage-settings.ts";

export interface DatabaseStackProps extends StackProps {
  readonly vpc: IVpc;
  readonly settings: DatabaseSettings;
}

export class DatabaseStack extends Stack {
  readonly database: AuroraDatabase;

  constructor(scope: Construct, id: string, { vpc, settings, ...props }: DatabaseStackProps) {
    super(scope, id, props);
    this.database = new AuroraDatabase(this, "Database", { vpc, settings });
  }
}
