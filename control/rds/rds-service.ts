import * as sdk from "@aws-sdk/client-rds";
import { NormalizedSchema } from "@smithy/core/schema";
import { readServiceModel } from "../protocol/service-model.ts";
import type { Service } from "../service.ts";
import { clusterHandlers } from "./cluster-handlers.ts";
import { endpointHandlers } from "./endpoint-handlers.ts";
import { eventHandlers } from "./event-handlers.ts";
import type { Fleet } from "./fleet.ts";
import { instanceHandlers } from "./instance-handlers.ts";
import { rdsLimits } from "./limits.ts";
import { proxyHandlers } from "./proxy-handlers.ts";
import { tagHandlers } from "./tag-handlers.ts";
import { targetHandlers } from "./target-handlers.ts";

/** The Relational Database Service: proxies, and the databases that they need. */
export function rdsService(fleet: Fleet): Service {
  const { config } = new sdk.RDSClient({ region: "us-east-1" });
  return {
    model: readServiceModel({ exports: { ...sdk }, config, signingName: "rds" }),
    actionPrefix: "rds",
    handlers: {
      ...proxyHandlers(fleet),
      ...targetHandlers(fleet),
      ...endpointHandlers(fleet),
      ...clusterHandlers(fleet, NormalizedSchema.of(sdk.DBCluster$)),
      ...instanceHandlers(fleet, NormalizedSchema.of(sdk.DBInstance$)),
      ...eventHandlers(fleet),
      ...tagHandlers(fleet),
    },
    checkLimits: rdsLimits,
    resourceOf: (_operation, input) => resourceOf(fleet, input),
  };
}

function resourceOf(fleet: Fleet, input: Record<string, unknown>): string {
  const text = (name: string) => (typeof input[name] === "string" ? input[name] : undefined);
  if (text("ResourceName") !== undefined) return text("ResourceName")!;
  const proxy = fleet.proxies.get(text("DBProxyName") ?? "");
  if (proxy !== undefined) return fleet.arns.proxy(proxy);
  const cluster = text("DBClusterIdentifier");
  if (cluster !== undefined) return fleet.arns.cluster({ id: cluster.toLowerCase() });
  const instance = text("DBInstanceIdentifier");
  if (instance !== undefined) return fleet.arns.instance({ id: instance.toLowerCase() });
  return "*";
}
