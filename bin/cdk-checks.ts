/** What every synthesis is checked with, beside CDK's own validator. A finding that nobody has acknowledged ends it. */
import { type App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { Preflight } from "cdk-preflight";

export function addChecks(app: App): void {
  Preflight.apply(app, { strict: true });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
}
