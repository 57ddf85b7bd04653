import * as cloudwatch from "@aws-sdk/client-cloudwatch";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as iam from "@aws-sdk/client-iam";
import * as rds from "@aws-sdk/client-rds";
import * as secrets from "@aws-sdk/client-secrets-manager";
import * as sts from "@aws-sdk/client-sts";
import {
  AwsJson1_0Protocol,
  AwsJson1_1Protocol,
  AwsQueryProtocol,
  AwsSmithyRpcV2CborProtocol,
} from "@aws-sdk/core/protocols";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Answerer } from "../../../control/http/answerer.ts";
import { ApiServer } from "../../../control/http/api-server.ts";
import { AwsFault } from "../../../control/protocol/fault.ts";
import type { Service } from "../../../control/service.ts";
import { startControl } from "./control-plane-fixture.ts";
import { countMembers, fullSample } from "./full-samples.ts";

const PROTOCOLS = {
  query: AwsQueryProtocol,
  "JSON 1.0": AwsJson1_0Protocol,
  "JSON 1.1": AwsJson1_1Protocol,
  CBOR: AwsSmithyRpcV2CborProtocol,
};

/** The packages by what requests to them are signed for. */
const PACKAGES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  rds: { ...rds, Client: rds.RDSClient },
  secretsmanager: { ...secrets, Client: secrets.SecretsManagerClient },
  iam: { ...iam, Client: iam.IAMClient },
  sts: { ...sts, Client: sts.STSClient },
  monitoring: { ...cloudwatch, Client: cloudwatch.CloudWatchClient },
  logs: { ...logs, Client: logs.CloudWatchLogsClient },
};

const KEY = { accessKeyId: "AKIATEST", secretAccessKey: "secret" };

type ProtocolName = keyof typeof PROTOCOLS;
type Send = (command: unknown) => Promise<Record<string, unknown>>;

/** The services with handlers that answer what they are told to. */
class Echo {
  input: unknown = null;
  output: unknown = {};
  fault: AwsFault | null = null;
  readonly bugs: unknown[] = [];
  server!: ApiServer;

  async start(services: readonly Service[]): Promise<void> {
    const answer = (input: unknown) => {
      this.input = input;
      if (this.fault !== null) throw this.fault;
      return this.output;
    };
    const echoing = services.map((service) => ({
      ...service,
      checkLimits: () => {},
      handlers: Object.fromEntries(Object.keys(service.handlers).map((name) => [name, answer])),
    }));
    const principal = { kind: "account", arn: "", userId: "" } as const;
    const answerer = new Answerer({
      services: echoing,
      region: "us-east-1",
      nowMs: Date.now,
      keyOf: () => ({ ...KEY, sessionToken: null, expiresAt: null, principal }),
      authorize: () => {},
      onBug: (error) => this.bugs.push(error),
    });
    const onBug = (error: unknown) => this.bugs.push(error);
    this.server = await ApiServer.start({ answerer, host: "127.0.0.1", port: 0, onBug });
  }
}

let services: readonly Service[] = [];
const echo = new Echo();

beforeAll(async () => {
  const { control } = await startControl();
  services = control.services;
  await echo.start(services);
});
afterEach(() => {
  echo.fault = null;
});
afterAll(() => echo.server.stop());

/** The SDK's client of a service, made to speak a protocol. */
function clientOf({ model }: Service, protocol: ProtocolName) {
  const { Client } = PACKAGES[model.signingName] as {
    Client: new (config: unknown) => { send: Send; destroy(): void };
  };
  return new Client({
    endpoint: echo.server.url,
    region: "us-east-1",
    credentials: KEY,
    maxAttempts: 1,
    protocol: PROTOCOLS[protocol],
  });
}

function commandOf({ model }: Service, name: string, input: unknown): unknown {
  const Command = PACKAGES[model.signingName]?.[`${name}Command`] as new (
    input: unknown,
  ) => unknown;
  return new Command(input);
}

/** Buffers are byte arrays as others. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

function found(signingName: string): Service {
  return services.find(({ model }) => model.signingName === signingName)!;
}

/** Maps of lists, which Secrets Manager has, are written in XML by the SDK in one way and read in another. */
function protocolsOf(signingName: string): ProtocolName[] {
  const all = Object.keys(PROTOCOLS) as ProtocolName[];
  return signingName === "secretsmanager" ? all.filter((name) => name !== "query") : all;
}

/** Where several errors have one code in the Query protocol, the SDK makes the first of them out of it. */
function exceptionsOf({ model }: Service, code: string): (new () => Error)[] {
  const same = [...model.errors.values()].filter((error) => error.code === code);
  return same.map(({ name }) => PACKAGES[model.signingName]?.[name] as new () => Error);
}

describe.each(Object.keys(PACKAGES))("%s", (signingName) => {
  it.each(protocolsOf(signingName))(
    "takes and gives every member of every operation in %s",
    async (protocol) => {
      const service = found(signingName);
      const client = clientOf(service, protocol);
      const names = Object.keys(service.handlers);
      expect(names.length).toBeGreaterThan(1);
      let members = 0;
      for (const name of names) {
        const { input, output } = service.model.operations.get(name)!;
        const sent = input.isStructSchema() ? fullSample(input) : {};
        echo.output = output.isStructSchema() ? fullSample(output) : undefined;
        const { $metadata, ...got } = await client.send(commandOf(service, name, sent));
        expect(plain(echo.input), `input of ${name}`).toEqual(sent);
        expect(plain(got), `output of ${name}`).toEqual(echo.output ?? {});
        members += countMembers(sent) + countMembers(got);
      }
      expect(members).toBeGreaterThan(names.length);
      client.destroy();
      expect(echo.bugs).toEqual([]);
    },
  );

  it.each(protocolsOf(signingName))(
    "gives every error of its model as the SDK's exception in %s",
    async (protocol) => {
      const service = found(signingName);
      const client = clientOf(service, protocol);
      const [name] = Object.keys(service.handlers);
      const { input } = service.model.operations.get(name!)!;
      expect(service.model.errors.size).toBeGreaterThan(5);
      for (const error of service.model.errors.values()) {
        echo.fault = new AwsFault(error.name, "why <not>");
        const thrown = await client
          .send(commandOf(service, name!, fullSample(input)))
          .catch((reason: unknown) => reason);
        const exceptions = exceptionsOf(service, error.code);
        expect(
          exceptions.some((exception) => thrown instanceof exception),
          error.name,
        ).toBe(true);
        expect(thrown, error.name).toMatchObject({
          message: "why <not>",
          $metadata: { httpStatusCode: error.status },
        });
      }
      client.destroy();
    },
  );
});
