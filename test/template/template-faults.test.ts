import { describe, expect, it } from "vitest";
import type { LooseTemplate } from "../cdk/faults.ts";
import { changedAssembly, Staged } from "./stage.ts";

function resources(template: LooseTemplate, type: string) {
  return Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
}

/** Takes actions out of every statement of a part. */
function revoke(template: LooseTemplate, action: string): void {
  const text = JSON.stringify(template.Resources);
  Object.assign(
    template.Resources,
    JSON.parse(text.replaceAll(`"${action}"`, '"sts:GetCallerIdentity"')),
  );
}

/** The changed app's folder goes with it. */
async function startChanged(
  part: string,
  change: (template: LooseTemplate) => void,
): Promise<Staged> {
  const changed = await changedAssembly(part, change);
  try {
    return await Staged.start(changed.folder, async () => {
      await changed[Symbol.asyncDispose]();
    });
  } catch (error) {
    await changed[Symbol.asyncDispose]();
    throw error;
  }
}

describe("a template that is wrong does not start", () => {
  it.each([
    [
      "an export is missing",
      "database",
      (template: LooseTemplate) => {
        const name = Object.keys(template.Outputs).find((each) => each.includes("EndpointAddress"));
        delete template.Outputs[name!];
      },
      /nothing exports/,
    ],
    [
      "a type is not known",
      "webhook",
      (template: LooseTemplate) => {
        template.Resources["Queue"] = { Type: "AWS::SQS::Queue", Properties: {} };
      },
      /AWS::SQS::Queue is not known/,
    ],
    [
      "the execution role may not fetch the image",
      "proxy",
      (template: LooseTemplate) => {
        revoke(template, "ecr:GetAuthorizationToken");
      },
      /may not ecr:GetAuthorizationToken/,
    ],
    [
      "the image is somebody else's",
      "proxy",
      (template: LooseTemplate) => {
        const [, task] = resources(template, "AWS::ECS::TaskDefinition")[0]!;
        (task.Properties["ContainerDefinitions"] as { Image: unknown }[])[0]!.Image =
          "sluice:latest";
      },
      /is no asset/,
    ],
  ])("where %s", async (_, part, change, problem) => {
    await expect(startChanged(part, change)).rejects.toThrow(problem);
  });
});

describe("roles and security groups hold here, too:", () => {
  it("a function without the right to its secret cannot log in", async () => {
    await using stage = await startChanged("webhook", (template) =>
      revoke(template, "secretsmanager:GetSecretValue"),
    );
    expect((await stage.hit("x")).status).toBe(500);
    expect(stage.lines.join("\n")).toContain(
      "is not authorized to perform: secretsmanager:GetSecretValue",
    );
  });

  it("a task without the right to its secret lets nobody in", async () => {
    await using stage = await startChanged("proxy", (template) =>
      revoke(template, "secretsmanager:GetSecretValue"),
    );
    expect((await stage.hit("x")).status).not.toBe(200);
    expect(stage.lines.join("\n")).toContain("is not authorized to perform");
  });

  it("without the rule for health checks no task gets healthy", async () => {
    await using stage = await startChanged("proxy", (template) => {
      for (const [id, { Properties }] of resources(template, "AWS::EC2::SecurityGroupIngress"))
        if (Properties["FromPort"] === 6080) delete template.Resources[id];
    });
    expect([...stage.run.targetGroups.values()].map(({ healthy }) => healthy)).toEqual([0, 0]);
    expect(stage.lines.join("\n")).toContain("is healthy");
  });

  it("without its rule the function does not reach the load balancer", async () => {
    await using stage = await startChanged("webhook", (template) => {
      for (const [id] of resources(template, "AWS::EC2::SecurityGroupIngress"))
        delete template.Resources[id];
    });
    expect((await stage.hit("x")).status).toBe(503);
    expect(stage.lines.join("\n")).toContain("ECONNREFUSED");
  });

  it("an API without the permission cannot call the function", async () => {
    await using stage = await startChanged("webhook", (template) => {
      for (const [id] of resources(template, "AWS::Lambda::Permission"))
        delete template.Resources[id];
    });
    expect((await stage.hit("x")).status).toBe(500);
  });
});
