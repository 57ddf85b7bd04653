/**
 * Where a cluster's instances are, from the RDS API. The SDK is loaded with the first question: most clusters' instances are found by
 * their names alone.
 */
import type { DBInstance, RDSClient } from "@aws-sdk/client-rds";
import type { InstanceAddress } from "../proxy/ports.ts";

const CONNECT_MS = 3_000;
const ANSWER_MS = 5_000;
const DEFAULT_PORT = 3_306;
/** A cluster has 16 instances at most; an answer that goes on for ever is none. */
const PAGES_MAX = 16;

/** Makes the `findInstances` of the data plane. Region, endpoint and credentials are the SDK's own business. */
export function createInstanceFinder(
  env: Readonly<Record<string, string | undefined>>,
): (clusterIdentifier: string) => Promise<ReadonlyMap<string, InstanceAddress>> {
  let opened: Promise<RDSClient> | null = null;
  return async (clusterIdentifier) => {
    opened ??= openClient(env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"]);
    const client = await opened;
    const { DescribeDBInstancesCommand } = await import("@aws-sdk/client-rds");
    const addresses = new Map<string, InstanceAddress>();
    let marker: string | undefined;
    for (let page = 0; page < PAGES_MAX; page++) {
      const answer = await client.send(
        new DescribeDBInstancesCommand({
          Filters: [{ Name: "db-cluster-id", Values: [clusterIdentifier] }],
          Marker: marker,
        }),
      );
      for (const instance of answer.DBInstances ?? []) note(instance, addresses);
      marker = answer.Marker;
      if (marker === undefined) return addresses;
    }
    throw new Error(`the answer has more than ${PAGES_MAX} pages`);
  };
}

async function openClient(region: string | undefined): Promise<RDSClient> {
  const { RDSClient } = await import("@aws-sdk/client-rds");
  return new RDSClient({
    ...(region === undefined ? {} : { region }),
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
      throwOnRequestTimeout: true,
    },
  });
}

/** An instance that is being made has no address yet. */
function note(
  { DBInstanceIdentifier, Endpoint }: DBInstance,
  addresses: Map<string, InstanceAddress>,
): void {
  const { Address, Port } = Endpoint ?? {};
  if (DBInstanceIdentifier === undefined || Address === undefined) return;
  addresses.set(DBInstanceIdentifier, { host: Address, port: Port ?? DEFAULT_PORT });
}
