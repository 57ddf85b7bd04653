import {
  AttachRolePolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteConflictException,
  DeletePolicyCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  EntityAlreadyExistsException,
  GetRoleCommand,
  GetRolePolicyCommand,
  MalformedPolicyDocumentException,
  NoSuchEntityException,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateSecretCommand, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { AssumeRoleCommand, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { describe, expect, it } from "vitest";
import type { ControlPlane } from "../../../control/index.ts";
import { type AwsClients, clientsOf } from "../../support/aws-clients.ts";
import { startControl } from "./control-plane-fixture.ts";

const policy = (...statements: unknown[]) =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });

const trust = (principal: unknown) =>
  policy({ Effect: "Allow", Principal: principal, Action: "sts:AssumeRole" });

const RoleName = "reader";

/** A role that the account may assume, and clients of a session of it. */
async function assume(control: ControlPlane, { iam, sts }: AwsClients): Promise<AwsClients> {
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust({ AWS: "123456789012" }) }),
  );
  const { Credentials } = await sts.send(
    new AssumeRoleCommand({ RoleArn: Role!.Arn, RoleSessionName: "test" }),
  );
  return clientsOf(control, {
    accessKeyId: Credentials!.AccessKeyId!,
    secretAccessKey: Credentials!.SecretAccessKey!,
    sessionToken: Credentials!.SessionToken!,
  });
}

describe("roles", () => {
  it("come back as they were made", async () => {
    const { clients } = await startControl();
    const { iam } = clients;
    const document = trust({ Service: "rds.amazonaws.com" });
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: document }));
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    expect(Role).toMatchObject({ RoleName, Arn: `arn:aws:iam::123456789012:role/${RoleName}` });
    expect(decodeURIComponent(Role!.AssumeRolePolicyDocument!)).toBe(document);
    const inline = policy({ Effect: "Allow", Action: "s3:GetObject", Resource: "*" });
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: inline }));
    const got = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: "p" }));
    expect(decodeURIComponent(got.PolicyDocument!)).toBe(inline);
  });

  it("refuse what AWS refuses", async () => {
    const { clients } = await startControl();
    const { iam } = clients;
    const create = new CreateRoleCommand({
      RoleName,
      AssumeRolePolicyDocument: trust({ Service: "rds.amazonaws.com" }),
    });
    await iam.send(create);
    await expect(iam.send(create)).rejects.toThrow(EntityAlreadyExistsException);
    await expect(
      iam.send(new CreateRoleCommand({ RoleName: "r2", AssumeRolePolicyDocument: "{" })),
    ).rejects.toThrow(MalformedPolicyDocumentException);
    await expect(iam.send(new GetRoleCommand({ RoleName: "none" }))).rejects.toThrow(
      NoSuchEntityException,
    );
    await expect(
      iam.send(new CreateRoleCommand({ RoleName: "a b", AssumeRolePolicyDocument: "{}" })),
    ).rejects.toMatchObject({ name: "InvalidParameterValue" });
    const PolicyDocument = policy({ Effect: "Allow", Action: "*", Resource: "*" });
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument }));
    await expect(iam.send(new DeleteRoleCommand({ RoleName }))).rejects.toThrow(
      DeleteConflictException,
    );
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: "p" }));
    await iam.send(new DeleteRoleCommand({ RoleName }));
    await expect(
      iam.send(
        new AttachRolePolicyCommand({ RoleName, PolicyArn: "arn:aws:iam::aws:policy/Unheard" }),
      ),
    ).rejects.toThrow(NoSuchEntityException);
  });
});

describe("policies", () => {
  it("decide what a role's session may do", async () => {
    const { control, clients } = await startControl();
    const { iam, secrets } = clients;
    const { ARN } = await secrets.send(new CreateSecretCommand({ Name: "s", SecretString: "x" }));
    await secrets.send(new CreateSecretCommand({ Name: "other", SecretString: "y" }));
    const role = await assume(control, clients);
    const identity = await role.sts.send(new GetCallerIdentityCommand({}));
    expect(identity.Arn).toBe(`arn:aws:sts::123456789012:assumed-role/${RoleName}/test`);
    const get = (SecretId: string) => role.secrets.send(new GetSecretValueCommand({ SecretId }));
    const denied = { name: "AccessDeniedException", $metadata: { httpStatusCode: 403 } };
    await expect(get("s")).rejects.toMatchObject(denied);
    const put = (...statements: unknown[]) =>
      iam.send(
        new PutRolePolicyCommand({
          RoleName,
          PolicyName: "p",
          PolicyDocument: policy(...statements),
        }),
      );
    const read = {
      Effect: "Allow",
      Action: ["secretsmanager:Get*", "kms:Decrypt"],
      Resource: ARN,
    };
    await put(read);
    expect((await get("s")).SecretString).toBe("x");
    await expect(get("other")).rejects.toMatchObject(denied);
    await put(read, { Effect: "Deny", Action: "secretsmanager:*", Resource: "*" });
    await expect(get("s")).rejects.toThrow("explicit deny");
    await put({ ...read, Condition: { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } } });
    await expect(get("s")).rejects.toThrow("IpAddress on aws:SourceIp");
    await put({ ...read, Condition: { StringEquals: { "aws:RequestedRegion": "us-east-1" } } });
    expect((await get("s")).SecretString).toBe("x");
    await put({ ...read, Condition: { StringEquals: { "aws:RequestedRegion": "eu-west-1" } } });
    await expect(get("s")).rejects.toMatchObject(denied);
  });

  it("may be attached, and cannot be deleted then", async () => {
    const { control, clients } = await startControl();
    const { iam, secrets } = clients;
    await secrets.send(new CreateSecretCommand({ Name: "s", SecretString: "x" }));
    const role = await assume(control, clients);
    const { Policy } = await iam.send(
      new CreatePolicyCommand({
        PolicyName: "read",
        PolicyDocument: policy({
          Effect: "Allow",
          Action: "secretsmanager:GetSecretValue",
          Resource: "*",
        }),
      }),
    );
    const PolicyArn = Policy!.Arn!;
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
    const got = await role.secrets.send(new GetSecretValueCommand({ SecretId: "s" }));
    expect(got.SecretString).toBe("x");
    await expect(iam.send(new DeletePolicyCommand({ PolicyArn }))).rejects.toThrow(
      DeleteConflictException,
    );
  });

  it("of trust say who may assume a role", async () => {
    const { clients } = await startControl();
    const { iam, sts } = clients;
    const { Role } = await iam.send(
      new CreateRoleCommand({
        RoleName,
        AssumeRolePolicyDocument: trust({ Service: "rds.amazonaws.com" }),
      }),
    );
    await expect(
      sts.send(new AssumeRoleCommand({ RoleArn: Role!.Arn, RoleSessionName: "test" })),
    ).rejects.toMatchObject({ name: "AccessDenied", $metadata: { httpStatusCode: 403 } });
  });

  it("of users count for their keys", async () => {
    const { control, clients } = await startControl();
    const { iam } = clients;
    await iam.send(new CreateUserCommand({ UserName: "ann" }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "ann" }));
    const ann = clientsOf(control, {
      accessKeyId: AccessKey!.AccessKeyId!,
      secretAccessKey: AccessKey!.SecretAccessKey!,
    });
    const make = new CreateSecretCommand({ Name: "hers", SecretString: "x" });
    await expect(ann.secrets.send(make)).rejects.toThrow("not authorized");
    await iam.send(
      new PutUserPolicyCommand({
        UserName: "ann",
        PolicyName: "p",
        PolicyDocument: policy({
          Effect: "Allow",
          Action: "secretsmanager:CreateSecret",
          Resource: "arn:aws:secretsmanager:*:*:secret:hers*",
        }),
      }),
    );
    await ann.secrets.send(make);
    const identity = await ann.sts.send(new GetCallerIdentityCommand({}));
    expect(identity.Arn).toBe("arn:aws:iam::123456789012:user/ann");
  });
});
