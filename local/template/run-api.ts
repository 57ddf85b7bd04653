/** Functions and HTTP APIs of a template. */
import { join } from "node:path";
import { FunctionRunner } from "../function-runner.ts";
import { HttpApi } from "../http-api.ts";
import { type EvaluatedResource, TemplateFault } from "./evaluation.ts";
import { mapOf } from "./system.ts";
import type { TemplateRun } from "./template-run.ts";

const ENVIRONMENTS_MAX = 16;
const WAITERS_MAX = 1_000;
const DEFAULT_TIMEOUT_SECONDS = 3;

export async function startApis(run: TemplateRun): Promise<void> {
  for (const fn of run.parts.system.ofType("AWS::Lambda::Function")) await startFunction(run, fn);
  for (const api of run.parts.system.ofType("AWS::ApiGatewayV2::Api")) await startApi(run, api);
}

async function startFunction(run: TemplateRun, fn: EvaluatedResource): Promise<void> {
  const { properties } = fn;
  const consumer = run.parts.functionConsumer(fn);
  const [file, handler] = String(properties["Handler"]).split(".");
  const reserved = Number(properties["ReservedConcurrentExecutions"] ?? Number.POSITIVE_INFINITY);
  const variables = mapOf(mapOf(properties["Environment"])["Variables"]);
  const runner = new FunctionRunner({
    name: fn.id.toLowerCase(),
    bootstrap: run.options.functionProgram,
    file: join(codeFolder(run, fn), `${file}.mjs`),
    handler: handler ?? "handler",
    variables: {
      ...Object.fromEntries(
        Object.entries(variables).map(([name, value]) => [name, String(value)]),
      ),
      ...run.awsVariables(consumer),
      ...(await run.nameVariables(consumer)),
    },
    watchdog: run.watchdog,
    timeoutMs: Number(properties["Timeout"] ?? DEFAULT_TIMEOUT_SECONDS) * 1_000,
    concurrencyMax: Math.min(reserved, run.options.environmentsMax ?? ENVIRONMENTS_MAX),
    // What Lambda would run at once beyond that waits here instead.
    waitersMax: WAITERS_MAX,
    freeze: true,
    onLine: run.options.onLine,
  });
  run.onStop(() => runner.stop());
  run.functions.set(fn.id, runner);
}

/** Routes of our kind: all paths to one function, which lets the API call it. */
async function startApi(run: TemplateRun, api: EvaluatedResource): Promise<void> {
  const { system } = run.parts;
  const ours = (type: string) =>
    system.ofType(type).filter(({ properties }) => properties["ApiId"] === api.ref);
  const [route, ...more] = ours("AWS::ApiGatewayV2::Route");
  const place = `${api.stack}/${api.id}`;
  if (route?.properties["RouteKey"] !== "$default" || more.length > 0)
    throw new TemplateFault(`${place}: only APIs with the one route $default are known here`);
  if (route.properties["AuthorizationType"] === "AWS_IAM")
    throw new TemplateFault(
      `${place}: signed calls are not checked here; run a stage whose API is open`,
    );
  const target = String(route.properties["Target"]).replace("integrations/", "");
  const integration = system.byRef("AWS::ApiGatewayV2::Integration", target);
  const fn = system.byArn("AWS::Lambda::Function", integration.properties["IntegrationUri"]);
  const runner = run.functions.get(fn.id)!;
  const allowed = mayInvoke(run, api, fn);
  const http = await HttpApi.start({
    invoke: async (event) =>
      allowed
        ? await runner.invoke(event)
        : {
            kind: "failed",
            errorType: "AccessDenied",
            errorMessage: "the API may not call the function",
          },
    port: run.apis.length === 0 ? (run.options.apiPort ?? 0) : 0,
    onAccess: run.options.onAccess,
  });
  run.onStop(() => http.stop());
  run.apis.push(http);
}

function mayInvoke(run: TemplateRun, api: EvaluatedResource, fn: EvaluatedResource): boolean {
  return run.parts.system
    .ofType("AWS::Lambda::Permission")
    .some(
      ({ properties }) =>
        properties["Principal"] === "apigateway.amazonaws.com" &&
        properties["Action"] === "lambda:InvokeFunction" &&
        String(properties["FunctionName"]).endsWith(`:${fn.ref}`) &&
        String(properties["SourceArn"]).includes(`:${api.ref}/`),
    );
}

function codeFolder(run: TemplateRun, { id, properties }: EvaluatedResource): string {
  const hash = String(mapOf(properties["Code"])["S3Key"]).replace(/\.zip$/, "");
  const folder = run.assembly.assets.get(hash);
  if (folder === undefined) throw new TemplateFault(`${id}: its code is no asset`);
  return folder;
}
