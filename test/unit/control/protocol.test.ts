import { gzipSync } from "node:zlib";
import { CreateSecretCommand, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { cbor } from "@smithy/core/cbor";
import { describe, expect, it } from "vitest";
import { clientsOf } from "../../support/aws-clients.ts";
import { startControl } from "./control-plane-fixture.ts";
import { presignedUrl, type Sent, signedFetch } from "./signing-client.ts";

const IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15";

function sts(more: Partial<Sent> = {}): Sent {
  return {
    service: "sts",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: IDENTITY,
    ...more,
  };
}

function secrets(operation: string, input: unknown, more: Partial<Sent> = {}): Sent {
  return {
    service: "secretsmanager",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `secretsmanager.${operation}`,
    },
    body: typeof input === "string" ? input : JSON.stringify(input),
    ...more,
  };
}

describe("signatures", () => {
  it("of an independent signer are accepted, in the header and in the query", async () => {
    const { control } = await startControl();
    const answer = await signedFetch(control, sts());
    expect([answer.status, await answer.text()]).toEqual([
      200,
      expect.stringContaining("<Account>123456789012</Account>"),
    ]);
    const presigned = await fetch(presignedUrl(control, "sts", IDENTITY));
    expect([presigned.status, await presigned.text()]).toEqual([
      200,
      expect.stringContaining("<Arn>arn:aws:iam::123456789012:root</Arn>"),
    ]);
  });

  it("are refused where they are wrong, old or missing", async () => {
    const { control } = await startControl();
    const code = async (sent: Sent): Promise<string> => {
      const answer = await signedFetch(control, sent);
      return `${answer.status} ${/<Code>(.*?)<\/Code>/.exec(await answer.text())?.[1]}`;
    };
    expect(await code(sts({ secret: "wrong" }))).toBe("403 SignatureDoesNotMatch");
    expect(await code(sts({ accessKeyId: "AKIANOBODY" }))).toBe("403 InvalidClientTokenId");
    expect(await code(sts({ skewMs: -16 * 60_000 }))).toBe("403 SignatureDoesNotMatch");
    expect(await code(sts({ skewMs: 16 * 60_000 }))).toBe("403 SignatureDoesNotMatch");
    expect(await code(sts({ skewMs: 14 * 60_000 }))).toBe("200 undefined");
    expect(await code(sts({ sessionToken: "made up" }))).toBe("403 InvalidClientTokenId");
    expect(await code(sts({ region: "mars-1" }))).toBe("403 SignatureDoesNotMatch");
    expect(await code(sts({ service: "iam" }))).toBe("400 InvalidAction");
    const edited = await signedFetch(control, sts(), (body) => `${body}&Edited=1`);
    expect(edited.status).toBe(403);
    const bare = await fetch(control.url, { method: "POST", body: IDENTITY });
    expect([bare.status, await bare.text()]).toEqual([
      403,
      expect.stringContaining("MissingAuthenticationToken"),
    ]);
    const old = presignedUrl(control, "sts", IDENTITY, -3_600_000);
    expect((await fetch(old)).status).toBe(403);
  });

  it("of the SDK with a wrong key give 403 in the protocol of the service", async () => {
    const { control } = await startControl();
    const { sts, secrets } = clientsOf(control, {
      ...control.rootKey,
      secretAccessKey: "wrong",
    });
    await expect(sts.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
      name: "SignatureDoesNotMatch",
      $metadata: { httpStatusCode: 403 },
    });
    await expect(secrets.send(new GetSecretValueCommand({ SecretId: "x" }))).rejects.toMatchObject({
      name: "InvalidSignatureException",
      $metadata: { httpStatusCode: 403 },
    });
  });
});

describe("requests", () => {
  it("may be compressed; the signature is over the compressed bytes", async () => {
    const { control, clients } = await startControl();
    await clients.secrets.send(new CreateSecretCommand({ Name: "s", SecretString: "x" }));
    const plain = secrets("GetSecretValue", { SecretId: "s" });
    const answer = await signedFetch(control, {
      ...plain,
      headers: { ...plain.headers, "content-encoding": "gzip" },
      body: gzipSync(plain.body as string),
    });
    expect(await answer.json()).toMatchObject({ SecretString: "x" });
    const broken = await signedFetch(control, {
      ...plain,
      headers: { ...plain.headers, "content-encoding": "gzip" },
    });
    expect(broken.status).toBe(400);
  });

  it("each have an id, in the header and, in XML, in the document", async () => {
    const { control } = await startControl();
    const answer = await signedFetch(control, sts());
    const id = answer.headers.get("x-amzn-requestid");
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await answer.text()).toContain(`<RequestId>${id}</RequestId>`);
  });

  it.each([
    ["Action=Nonsense&Version=2011-06-15", "InvalidAction"],
    ["Action=GetFederationToken&Version=2011-06-15&Name=x", "InvalidAction"],
    ["Action=GetCallerIdentity&Version=1999-01-01", "InvalidAction"],
    ["Version=2011-06-15", "MissingParameter"],
    ["Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::1:role/x", "MissingParameter"],
    [`${IDENTITY}&Nonsense=1`, "UnknownParameter"],
    [
      "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/x&RoleSessionName=s%20s",
      "InvalidParameterValue",
    ],
    [
      "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/x&RoleSessionName=test&DurationSeconds=soon",
      "InvalidParameterValue",
    ],
  ])("in query form: %s is refused with %s", async (body, code) => {
    const { control } = await startControl();
    const answer = await signedFetch(control, sts({ body }));
    const text = await answer.text();
    expect([answer.status, text]).toEqual([400, expect.stringContaining(`<Code>${code}</Code>`)]);
    expect(text).toContain("<Type>Sender</Type>");
  });

  it.each([
    ["Nonsense", {}, "UnknownOperationException"],
    ["ReplicateSecretToRegions", {}, "UnknownOperationException"],
    ["GetSecretValue", {}, "ValidationException"],
    ["GetSecretValue", { SecretId: "s", Nonsense: 1 }, "SerializationException"],
    ["GetSecretValue", { SecretId: 5 }, "SerializationException"],
    ["GetSecretValue", "[1]", "SerializationException"],
    ["GetSecretValue", "{", "SerializationException"],
    ["CreateSecret", { Name: "a b" }, "ValidationException"],
  ])("in JSON: %s of %j is refused with %s", async (operation, input, type) => {
    const { control } = await startControl();
    const answer = await signedFetch(control, secrets(operation, input));
    expect([answer.status, answer.headers.get("x-amzn-errortype")]).toEqual([400, type]);
    expect(await answer.json()).toMatchObject({ __type: type });
  });

  it("in CBOR are answered in CBOR", async () => {
    const { control } = await startControl();
    const answer = await signedFetch(control, {
      service: "secretsmanager",
      path: "/service/secretsmanager/operation/CreateSecret",
      headers: { "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" },
      body: cbor.serialize({ Name: "s", SecretString: "x" }),
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("smithy-protocol")).toBe("rpc-v2-cbor");
    const document = cbor.deserialize(new Uint8Array(await answer.arrayBuffer()));
    expect(document).toMatchObject({ Name: "s" });
  });

  it("that are not ours are answered all the same", async () => {
    const { control } = await startControl();
    const found = await fetch(`${control.url}/favicon.ico`);
    expect(found.status).toBe(400);
    const huge = await fetch(control.url, { method: "POST", body: "x".repeat(5_000_000) }).then(
      (answer) => answer.status,
      () => 413,
    );
    expect(huge).toBe(413);
  });
});

describe("state", () => {
  it("is kept in a file that only its owner may read", async () => {
    const { mkdtemp, rm, stat } = await import("node:fs/promises");
    const { tmpdir } = await import("node:os");
    const { join } = await import("node:path");
    const folder = await mkdtemp(join(tmpdir(), "sluice-control-"));
    try {
      const stateFile = join(folder, "state.json");
      const first = await startControl({ stateFile });
      await first.clients.secrets.send(new CreateSecretCommand({ Name: "s", SecretString: "x" }));
      const key = first.control.rootKey;
      await first.control.stop();
      expect((await stat(stateFile)).mode & 0o777).toBe(0o600);
      const second = await startControl({ stateFile });
      expect(second.control.rootKey).toEqual(key);
      const got = await second.clients.secrets.send(new GetSecretValueCommand({ SecretId: "s" }));
      expect(got.SecretString).toBe("x");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
