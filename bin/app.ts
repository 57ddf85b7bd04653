/** The CDK app: `npx cdk synth`, `npx cdk deploy --all`. `-c stage=prod` takes the settings of production. */
import { App } from "aws-cdk-lib";
import { isStage, SluiceApplication, STAGES, settingsOf } from "../lib/index.ts";
import { addChecks } from "./cdk-checks.ts";

const app = new App();
const stage = app.node.tryGetContext("stage") ?? "dev";
if (!isStage(stage))
  throw new Error(`the stage must be one of ${STAGES.join(", ")}, found ${stage}`);
new SluiceApplication(app, { stage, settings: settingsOf(stage) });
addChecks(app);
app.synth();
