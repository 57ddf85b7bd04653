import {
  CancelRotateSecretCommand,
  CreateSecretCommand,
  DeleteResourcePolicyCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetRandomPasswordCommand,
  GetResourcePolicyCommand,
  GetSecretValueCommand,
  InvalidNextTokenException,
  InvalidParameterException,
  InvalidRequestException,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
  MalformedPolicyDocumentException,
  PublicPolicyException,
  PutResourcePolicyCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  RestoreSecretCommand,
  RotateSecretCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { describe, expect, it } from "vitest";
import { clientsOf } from "../../support/aws-clients.ts";
import { startControl } from "./control-plane-fixture.ts";

const VALUE = JSON.stringify({ username: "app", password: "first" });
const DAY_MS = 86_400_000;

describe("Secrets Manager", () => {
  it("gives back what was put in, by name, ARN and ARN without its end", async () => {
    const { clients } = await startControl();
    const { secrets } = clients;
    const made = await secrets.send(
      new CreateSecretCommand({
        Name: "app/db",
        SecretString: VALUE,
        Description: "of the app",
        Tags: [{ Key: "team", Value: "data" }],
      }),
    );
    expect(made.ARN).toMatch(
      /^arn:aws:secretsmanager:us-east-1:123456789012:secret:app\/db-[A-Za-z0-9]{6}$/,
    );
    for (const SecretId of ["app/db", made.ARN!, made.ARN!.slice(0, -7)]) {
      const got = await secrets.send(new GetSecretValueCommand({ SecretId }));
      expect(got).toMatchObject({ SecretString: VALUE, VersionStages: ["AWSCURRENT"] });
      expect(got.VersionId).toBe(made.VersionId);
    }
    const described = await secrets.send(new DescribeSecretCommand({ SecretId: "app/db" }));
    expect(described).toMatchObject({
      Name: "app/db",
      Description: "of the app",
      Tags: [{ Key: "team", Value: "data" }],
      VersionIdsToStages: { [made.VersionId!]: ["AWSCURRENT"] },
    });
    expect(described.CreatedDate).toBeInstanceOf(Date);
  });

  it("keeps binary values as they are", async () => {
    const { clients } = await startControl();
    const SecretBinary = Uint8Array.from([0, 255, 10, 13, 128]);
    await clients.secrets.send(new CreateSecretCommand({ Name: "raw", SecretBinary }));
    const got = await clients.secrets.send(new GetSecretValueCommand({ SecretId: "raw" }));
    expect(got.SecretBinary).toEqual(SecretBinary);
    expect(got.SecretString).toBeUndefined();
  });

  it("moves stages from version to version", async () => {
    const { clients } = await startControl();
    const { secrets } = clients;
    const first = await secrets.send(new CreateSecretCommand({ Name: "s", SecretString: "one" }));
    const second = await secrets.send(
      new PutSecretValueCommand({ SecretId: "s", SecretString: "two" }),
    );
    const third = await secrets.send(
      new UpdateSecretCommand({ SecretId: "s", SecretString: "three", Description: "now" }),
    );
    const stage = async (VersionStage?: string) =>
      (await secrets.send(new GetSecretValueCommand({ SecretId: "s", VersionStage }))).SecretString;
    expect(await stage()).toBe("three");
    expect(await stage("AWSPREVIOUS")).toBe("two");
    await secrets.send(
      new UpdateSecretVersionStageCommand({
        SecretId: "s",
        VersionStage: "AWSCURRENT",
        MoveToVersionId: first.VersionId,
        RemoveFromVersionId: third.VersionId,
      }),
    );
    expect(await stage()).toBe("one");
    expect(await stage("AWSPREVIOUS")).toBe("three");
    const all = await secrets.send(
      new ListSecretVersionIdsCommand({ SecretId: "s", IncludeDeprecated: true }),
    );
    expect(new Set(all.Versions?.map(({ VersionId }) => VersionId))).toEqual(
      new Set([first.VersionId, second.VersionId, third.VersionId]),
    );
    await expect(
      secrets.send(
        new UpdateSecretVersionStageCommand({
          SecretId: "s",
          VersionStage: "AWSCURRENT",
          MoveToVersionId: second.VersionId,
        }),
      ),
    ).rejects.toThrow(InvalidParameterException);
  });

  it("takes the same request twice, and no other value under its token", async () => {
    const { clients } = await startControl();
    const { secrets } = clients;
    const ClientRequestToken = "0123456789abcdef0123456789abcdef";
    const create = new CreateSecretCommand({ Name: "s", SecretString: "one", ClientRequestToken });
    const once = await secrets.send(create);
    expect((await secrets.send(create)).VersionId).toBe(once.VersionId);
    for (const command of [
      new CreateSecretCommand({ Name: "s", SecretString: "two", ClientRequestToken }),
      new PutSecretValueCommand({ SecretId: "s", SecretString: "two", ClientRequestToken }),
    ])
      await expect(secrets.send(command as CreateSecretCommand)).rejects.toThrow(
        ResourceExistsException,
      );
  });

  it("deletes after a window, restores within it, or deletes at once", async () => {
    let now = Date.now();
    const { control, clients } = await startControl({ nowMs: () => now });
    const { secrets } = clients;
    await secrets.send(new CreateSecretCommand({ Name: "s", SecretString: "one" }));
    const doomed = await secrets.send(
      new DeleteSecretCommand({ SecretId: "s", RecoveryWindowInDays: 7 }),
    );
    expect(Math.round((doomed.DeletionDate!.getTime() - now) / DAY_MS)).toBe(7);
    const get = new GetSecretValueCommand({ SecretId: "s" });
    await expect(secrets.send(get)).rejects.toThrow(InvalidRequestException);
    await expect(
      secrets.send(new CreateSecretCommand({ Name: "s", SecretString: "two" })),
    ).rejects.toThrow(InvalidRequestException);
    expect((await secrets.send(new ListSecretsCommand({}))).SecretList).toEqual([]);
    expect(
      (await secrets.send(new ListSecretsCommand({ IncludePlannedDeletion: true }))).SecretList,
    ).toHaveLength(1);
    await secrets.send(new RestoreSecretCommand({ SecretId: "s" }));
    expect((await secrets.send(get)).SecretString).toBe("one");
    await secrets.send(new DeleteSecretCommand({ SecretId: "s", RecoveryWindowInDays: 7 }));
    now += 8 * DAY_MS;
    const later = clientsOf(control, control.rootKey, 8 * DAY_MS);
    await expect(later.secrets.send(get)).rejects.toThrow(ResourceNotFoundException);
    now -= 8 * DAY_MS;
    await secrets.send(new CreateSecretCommand({ Name: "s", SecretString: "two" }));
    await secrets.send(
      new DeleteSecretCommand({ SecretId: "s", ForceDeleteWithoutRecovery: true }),
    );
    await expect(secrets.send(get)).rejects.toThrow(ResourceNotFoundException);
    await expect(
      secrets.send(
        new DeleteSecretCommand({
          SecretId: "s",
          ForceDeleteWithoutRecovery: true,
          RecoveryWindowInDays: 7,
        }),
      ),
    ).rejects.toThrow(InvalidParameterException);
  });

  it("makes passwords of the characters that are wanted", async () => {
    const { clients } = await startControl();
    const { RandomPassword } = await clients.secrets.send(
      new GetRandomPasswordCommand({
        PasswordLength: 200,
        ExcludePunctuation: true,
        ExcludeCharacters: "aeiou0",
      }),
    );
    expect(RandomPassword).toMatch(/^[b-df-hj-np-tv-zA-Z1-9]{200}$/);
    expect(RandomPassword).toMatch(/\d/);
  });

  it("pages its list, and filters it", async () => {
    const { clients } = await startControl();
    const { secrets } = clients;
    for (const Name of ["a/1", "a/2", "b/1"])
      await secrets.send(new CreateSecretCommand({ Name, SecretString: "x" }));
    const first = await secrets.send(new ListSecretsCommand({ MaxResults: 2, SortOrder: "asc" }));
    const second = await secrets.send(
      new ListSecretsCommand({ NextToken: first.NextToken, SortOrder: "asc" }),
    );
    const names = [first, second].flatMap(({ SecretList }) => SecretList!.map(({ Name }) => Name));
    expect(names).toEqual(["a/1", "a/2", "b/1"]);
    const under = await secrets.send(
      new ListSecretsCommand({ Filters: [{ Key: "name", Values: ["a/"] }] }),
    );
    expect(under.SecretList).toHaveLength(2);
    await expect(secrets.send(new ListSecretsCommand({ NextToken: "?" }))).rejects.toThrow(
      InvalidNextTokenException,
    );
  });

  it("keeps tags and a resource policy", async () => {
    const { clients } = await startControl();
    const { secrets } = clients;
    const SecretId = "s";
    await secrets.send(new CreateSecretCommand({ Name: SecretId, SecretString: "x" }));
    await secrets.send(
      new TagResourceCommand({
        SecretId,
        Tags: [
          { Key: "a", Value: "1" },
          { Key: "b", Value: "2" },
        ],
      }),
    );
    await secrets.send(new UntagResourceCommand({ SecretId, TagKeys: ["a"] }));
    const { Tags } = await secrets.send(new DescribeSecretCommand({ SecretId }));
    expect(Tags).toEqual([{ Key: "b", Value: "2" }]);
    const policy = (principal: unknown) =>
      JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: principal,
            Action: "secretsmanager:GetSecretValue",
            Resource: "*",
          },
        ],
      });
    const ResourcePolicy = policy({ AWS: "123456789012" });
    await secrets.send(new PutResourcePolicyCommand({ SecretId, ResourcePolicy }));
    const got = await secrets.send(new GetResourcePolicyCommand({ SecretId }));
    expect(got.ResourcePolicy).toBe(ResourcePolicy);
    await expect(
      secrets.send(
        new PutResourcePolicyCommand({
          SecretId,
          ResourcePolicy: policy("*"),
          BlockPublicPolicy: true,
        }),
      ),
    ).rejects.toThrow(PublicPolicyException);
    await expect(
      secrets.send(new PutResourcePolicyCommand({ SecretId, ResourcePolicy: "{}" })),
    ).rejects.toThrow(MalformedPolicyDocumentException);
    await secrets.send(new DeleteResourcePolicyCommand({ SecretId }));
    const none = await secrets.send(new GetResourcePolicyCommand({ SecretId }));
    expect(none.ResourcePolicy).toBeUndefined();
  });

  it("rotates by an attached function in four steps, and refuses without one", async () => {
    const steps: string[] = [];
    const functionArn = "arn:aws:lambda:us-east-1:123456789012:function:rotate";
    const { control, clients } = await startControl({
      functions: {
        has: (arn) => arn === functionArn,
        invoke: async (_, { Step = "", SecretId = "", ClientRequestToken: token }) => {
          steps.push(Step);
          const secret = control.vault.need(SecretId);
          const value = { text: "rotated", binary: null };
          if (Step === "createSecret")
            control.vault.put(secret, value, { token, stages: ["AWSPENDING"] });
          if (Step === "finishSecret")
            await clients.secrets.send(
              new UpdateSecretVersionStageCommand({
                SecretId,
                VersionStage: "AWSCURRENT",
                MoveToVersionId: token,
                RemoveFromVersionId: Object.entries(secret.versions).find(([, { stages }]) =>
                  stages.includes("AWSCURRENT"),
                )?.[0],
              }),
            );
        },
      },
    });
    const { secrets } = clients;
    await secrets.send(new CreateSecretCommand({ Name: "s", SecretString: "x" }));
    const bare = new RotateSecretCommand({ SecretId: "s" });
    await expect(secrets.send(bare)).rejects.toThrow(InvalidRequestException);
    await expect(
      secrets.send(
        new RotateSecretCommand({ SecretId: "s", RotationLambdaARN: `${functionArn}2` }),
      ),
    ).rejects.toMatchObject({ name: "AccessDeniedException" });
    await secrets.send(new RotateSecretCommand({ SecretId: "s", RotationLambdaARN: functionArn }));
    expect(steps).toEqual(["createSecret", "setSecret", "testSecret", "finishSecret"]);
    const got = await secrets.send(new GetSecretValueCommand({ SecretId: "s" }));
    expect(got.SecretString).toBe("rotated");
    const described = await secrets.send(new DescribeSecretCommand({ SecretId: "s" }));
    expect(described).toMatchObject({ RotationEnabled: true, RotationLambdaARN: functionArn });
    await secrets.send(new CancelRotateSecretCommand({ SecretId: "s" }));
    const after = await secrets.send(new DescribeSecretCommand({ SecretId: "s" }));
    expect(after.RotationEnabled).toBe(false);
  });
});
