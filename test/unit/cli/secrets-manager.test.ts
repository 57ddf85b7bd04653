import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSecretFetcher, parseSecret } from "../../../bin/secrets-manager.ts";

const ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app-AbCdEf";

interface Asked {
  readonly target: string;
  readonly region: string;
  readonly id: string;
}

let server: Server;
let asked: Asked[];
/** What the server answers with: status and body. */
let answer: [number, unknown];

beforeEach(async () => {
  asked = [];
  server = createServer((req, res) => {
    let body = "";
    req.on("data", (chunk) => {
      body += chunk;
    });
    req.on("end", () => {
      asked.push({
        target: String(req.headers["x-amz-target"]),
        region:
          /Credential=[^/]+\/\d+\/([^/]+)\//.exec(String(req.headers.authorization))?.[1] ?? "",
        id: JSON.parse(body).SecretId,
      });
      res
        .writeHead(answer[0], { "content-type": "application/x-amz-json-1.1" })
        .end(JSON.stringify(answer[1]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "key");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("a secret", () => {
  it("is fetched from its own region", async () => {
    answer = [
      200,
      { SecretString: JSON.stringify({ username: "app", password: "word", host: "ignored" }) },
    ];
    expect(await createSecretFetcher({})(ARN)).toEqual({ username: "app", password: "word" });
    expect(asked).toEqual([
      { target: "secretsmanager.GetSecretValue", region: "eu-central-1", id: ARN },
    ]);
  });

  it("is fetched from AWS_REGION where that is set", async () => {
    answer = [200, { SecretString: '{"username":"app","password":""}' }];
    await createSecretFetcher({ AWS_REGION: "us-west-2" })(ARN);
    expect(asked.map((each) => each.region)).toEqual(["us-west-2"]);
  });

  it("that may not be read is reported in the service's words", async () => {
    answer = [
      400,
      {
        __type: "AccessDeniedException",
        Message: "not authorized to perform: secretsmanager:GetSecretValue",
      },
    ];
    await expect(createSecretFetcher({})(ARN)).rejects.toThrow("not authorized to perform");
  });

  it.each([
    undefined,
    "",
    "plain hunter2",
    "[]",
    "null",
    '{"username":"app"}',
    '{"username":"","password":"x"}',
    '{"username":"a","password":1}',
  ])("that is %s is refused without being repeated", (text) => {
    expect(() => parseSecret(text)).toThrow(
      /^the secret is not JSON with the texts username and password$/,
    );
  });
});
