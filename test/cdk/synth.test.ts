import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";

/** The stacks of a stage, in the order of their needs. */
const PARTS = ["network", "database", "proxy", "webhook"];

interface PluginReport {
  readonly pluginName: string;
  readonly violations: readonly unknown[];
  readonly suppressedViolations: readonly { readonly reason: string }[];
}

describe.each(inject("syntheses"))("the synthesis of $stage", (synthesis) => {
  const { stage, folder } = synthesis;
  const fileOf = (part: string) => join(folder, `sluice-${stage}-${part}.template.json`);

  it("succeeds under --strict, with no credentials, look-ups or Docker", () => {
    expect(synthesis.status, synthesis.output).toBe(0);
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    expect(manifest.missing ?? []).toEqual([]);
  });

  it("gives one template for each stack, all of them together a whole system", () => {
    const types = PARTS.flatMap((part) => {
      const { Resources } = JSON.parse(readFileSync(fileOf(part), "utf8"));
      return Object.values(Resources as Record<string, { Type: string }>).map(({ Type }) => Type);
    });
    expect(types.length).toBeGreaterThan(80);
    expect(types).toEqual(
      expect.arrayContaining([
        "AWS::EC2::VPC",
        "AWS::RDS::DBCluster",
        "AWS::ECS::Service",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::Lambda::Function",
        "AWS::ApiGatewayV2::Api",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
      ]),
    );
  });

  it("leaves no finding of any check that is not acknowledged with a reason", () => {
    const text = readFileSync(join(folder, "validation-report.json"), "utf8");
    const { pluginReports } = JSON.parse(text) as { pluginReports: readonly PluginReport[] };
    // Those that have found nothing at all are not in the report.
    expect(pluginReports.map((report) => report.pluginName)).toEqual(
      expect.arrayContaining(["AwsSolutions", "Serverless"]),
    );
    expect(pluginReports.flatMap((report) => report.violations)).toEqual([]);
    const known = pluginReports.flatMap((report) => report.suppressedViolations);
    expect(known.length).toBeGreaterThan(5);
    expect(known.filter(({ reason }) => !/^[A-Z].{30,}\.$/.test(reason))).toEqual([]);
  });

  it("has both shipped bundles among its assets, as they are run here", () => {
    const assets = readdirSync(folder).filter((name) => name.startsWith("asset."));
    const files = assets.flatMap((asset) => readdirSync(join(folder, asset)));
    expect(files).toEqual(expect.arrayContaining(["Dockerfile", "dist", "index.mjs"]));
  });
});
