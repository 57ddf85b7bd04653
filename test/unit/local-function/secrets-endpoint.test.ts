import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SecretsEndpoint, type StoredSecret } from "../../../local/secrets-endpoint.ts";

const SECRET: StoredSecret = {
  name: "app/database",
  arn: "arn:aws:secretsmanager:us-east-1:000000000000:secret:app/database-AbCdEf",
  versionId: "11111111-2222-3333-4444-555555555555",
  createdAt: new Date("2026-01-02T03:04:05Z"),
  text: '{"username":"app","password":"pässwörd"}',
};

let endpoint: SecretsEndpoint;
let client: SecretsManagerClient;

function clientWith(accessKeyId: string): SecretsManagerClient {
  const credentials = { accessKeyId, secretAccessKey: "irrelevant" };
  return new SecretsManagerClient({
    endpoint: endpoint.url,
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
  });
}

beforeAll(async () => {
  endpoint = await SecretsEndpoint.start({ secrets: [SECRET], accessKeyId: "AKIATEST" });
  client = clientWith("AKIATEST");
});

afterAll(async () => {
  client.destroy();
  await endpoint.stop();
});

test.each([SECRET.name, SECRET.arn])("the SDK reads a secret as %s", async (id) => {
  const found = await client.send(new GetSecretValueCommand({ SecretId: id }));
  expect(found).toMatchObject({
    ARN: SECRET.arn,
    Name: SECRET.name,
    SecretString: SECRET.text,
    VersionId: SECRET.versionId,
    VersionStages: ["AWSCURRENT"],
    CreatedDate: SECRET.createdAt,
  });
});

test("the SDK describes a secret, without its text", async () => {
  const found = await client.send(new DescribeSecretCommand({ SecretId: SECRET.name }));
  expect(found).toMatchObject({
    ARN: SECRET.arn,
    VersionIdsToStages: { [SECRET.versionId]: ["AWSCURRENT"] },
  });
  expect(JSON.stringify(found)).not.toContain("username");
});

test("an unknown secret, stage or version is the service's own error", async () => {
  for (const input of [
    { SecretId: "other" },
    { SecretId: SECRET.name, VersionStage: "AWSPENDING" },
    { SecretId: SECRET.name, VersionId: "99999999-2222-3333-4444-555555555555" },
  ]) {
    await expect(client.send(new GetSecretValueCommand(input))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      $metadata: { httpStatusCode: 400 },
    });
  }
});

test("an unknown operation says so", async () => {
  await expect(client.send(new ListSecretsCommand({}))).rejects.toMatchObject({
    name: "UnknownOperationException",
  });
});

test("a caller with another key, or none, gets nothing", async () => {
  const stranger = clientWith("AKIAOTHER");
  const call = stranger.send(new GetSecretValueCommand({ SecretId: SECRET.name }));
  await expect(call).rejects.toMatchObject({ name: "UnrecognizedClientException" });
  stranger.destroy();
  const bare = await fetch(endpoint.url, {
    method: "POST",
    headers: { "x-amz-target": "secretsmanager.GetSecretValue" },
    body: `{"SecretId":"${SECRET.name}"}`,
  });
  expect(bare.status).toBe(400);
  expect(await bare.text()).not.toContain("SecretString");
});

test.each(["", "[]", "{", '{"SecretId":7}'])("a malformed request is refused: %s", async (body) => {
  const headers = {
    authorization: "AWS4-HMAC-SHA256 Credential=AKIATEST/x",
    "x-amz-target": "secretsmanager.GetSecretValue",
  };
  const response = await fetch(endpoint.url, { method: "POST", headers, body });
  expect(response.status).toBe(400);
  expect(response.headers.get("x-amzn-errortype")).toMatch(
    /^(SerializationException|InvalidParameterException)$/,
  );
});
