/** `npx cdk synth --app "npx tsx examples/wordpress/app.ts"`: WordPress on Fargate, each task with its own proxy. */
import { App } from "aws-cdk-lib";
import { addChecks } from "../../bin/cdk-checks.ts";
import { NetworkStack, settingsOf } from "../../lib/index.ts";
import { WordPressStack } from "./wordpress-stack.ts";

const app = new App();
const { vpc } = new NetworkStack(app, "wordpress-network", { settings: settingsOf("dev") });
new WordPressStack(app, "wordpress", { vpc });
addChecks(app);
app.synth();
