import type * as sdk from "@aws-sdk/client-rds";
import { randomHex } from "../ground.ts";
import type { Handler } from "../service.ts";
import { checkAuthScheme, readAuth } from "./auth-input.ts";
import { describeProxy } from "./descriptions.ts";
import { FAULTS } from "./faults.ts";
import { type Fleet, paged } from "./fleet.ts";
import { LiveProxy } from "./live-proxy.ts";
import { checkSubnets, SECURITY_GROUP } from "./names.ts";
import type { ProxyRecord } from "./records.ts";
import { tagsOf } from "./tag-handlers.ts";

const PROXIES_MAX = 20;
const POOL: ProxyRecord["pool"] = {
  maxConnectionsPercent: 100,
  maxIdleConnectionsPercent: 50,
  connectionBorrowTimeout: 120,
  sessionPinningFilters: [],
  initQuery: "",
};

export function proxyHandlers(fleet: Fleet): Record<string, Handler> {
  return {
    CreateDBProxy: (input: sdk.CreateDBProxyRequest) => createProxy(fleet, input),
    ModifyDBProxy: (input: sdk.ModifyDBProxyRequest) => modifyProxy(fleet, input),
    DeleteDBProxy: (input: sdk.DeleteDBProxyRequest) => deleteProxy(fleet, input),
    DescribeDBProxies: (input: sdk.DescribeDBProxiesRequest): sdk.DescribeDBProxiesResponse => {
      const found =
        input.DBProxyName === undefined
          ? [...fleet.proxies.values()]
          : [fleet.proxy(input.DBProxyName)];
      const { items, more } = paged(found, input);
      return { DBProxies: items.map((proxy) => describeProxy(fleet, proxy)), ...more };
    },
  };
}

async function createProxy(
  fleet: Fleet,
  input: sdk.CreateDBProxyRequest,
): Promise<sdk.CreateDBProxyResponse> {
  const name = input.DBProxyName!;
  if (input.EngineFamily !== "MYSQL")
    throw FAULTS.parameter(
      `Invalid value '${input.EngineFamily}' for EngineFamily: this endpoint has proxies for MYSQL only`,
    );
  checkAuthScheme(input.DefaultAuthScheme);
  const auth = readAuth(input.Auth);
  if (auth.length === 0)
    throw FAULTS.combination("Auth is needed where DefaultAuthScheme is NONE.");
  checkSubnets(input.VpcSubnetIds!);
  if (fleet.proxies.has(name)) throw FAULTS.proxyExists(name);
  if (fleet.proxies.size >= PROXIES_MAX) throw FAULTS.proxyQuota();
  const at = fleet.ground.nowMs();
  const proxy: ProxyRecord = {
    name,
    id: `prx-${randomHex(17)}`,
    targetGroupId: `prx-tg-${randomHex(17)}`,
    createdAt: at,
    updatedAt: at,
    roleArn: input.RoleArn!,
    subnetIds: input.VpcSubnetIds!,
    securityGroupIds: input.VpcSecurityGroupIds ?? [SECURITY_GROUP],
    auth,
    requireTls: input.RequireTLS ?? false,
    idleClientTimeout: input.IdleClientTimeout ?? 1_800,
    debugLogging: input.DebugLogging ?? false,
    endpointNetworkType: input.EndpointNetworkType ?? "IPV4",
    targetConnectionNetworkType: input.TargetConnectionNetworkType ?? "IPV4",
    address: await fleet.reserveAddress(),
    pool: POOL,
    poolUpdatedAt: at,
    registrations: [],
  };
  // Somebody else may have made it while an address was looked for.
  if (fleet.proxies.has(name)) throw FAULTS.proxyExists(name);
  const live = new LiveProxy(fleet, name);
  fleet.liveProxies.set(name, live);
  fleet.proxies.set(name, proxy);
  fleet.setTags(fleet.arns.proxy(proxy), tagsOf(input.Tags));
  void live.create();
  fleet.tellProxy(proxy, "creation", "RDS created DB proxy");
  return { DBProxy: describeProxy(fleet, proxy) };
}

async function modifyProxy(
  fleet: Fleet,
  input: sdk.ModifyDBProxyRequest,
): Promise<sdk.ModifyDBProxyResponse> {
  const old = fleet.availableProxy(input.DBProxyName);
  const name = input.NewDBProxyName ?? old.name;
  if (name !== old.name && fleet.proxies.has(name)) throw FAULTS.proxyExists(name);
  checkAuthScheme(input.DefaultAuthScheme);
  const auth = input.Auth === undefined ? old.auth : readAuth(input.Auth);
  if (auth.length === 0)
    throw FAULTS.combination("Auth is needed where DefaultAuthScheme is NONE.");
  const proxy: ProxyRecord = {
    ...old,
    name,
    auth,
    updatedAt: fleet.ground.nowMs(),
    requireTls: input.RequireTLS ?? old.requireTls,
    idleClientTimeout: input.IdleClientTimeout ?? old.idleClientTimeout,
    debugLogging: input.DebugLogging ?? old.debugLogging,
    roleArn: input.RoleArn ?? old.roleArn,
    securityGroupIds: input.SecurityGroups ?? old.securityGroupIds,
  };
  const live = fleet.live(old.name);
  fleet.proxies.set(name, proxy);
  if (name === old.name) void live.refresh();
  else {
    fleet.liveProxies.set(name, live);
    fleet.liveProxies.delete(old.name);
    fleet.proxies.delete(old.name);
    for (const endpoint of fleet.endpointsOf(old.name))
      fleet.endpoints.set(endpoint.name, { ...endpoint, proxyName: name });
    void live.rename(name);
  }
  fleet.tellProxy(proxy, "configuration change", "RDS modified DB proxy");
  return { DBProxy: describeProxy(fleet, proxy) };
}

function deleteProxy(fleet: Fleet, input: sdk.DeleteDBProxyRequest): sdk.DeleteDBProxyResponse {
  const proxy = fleet.proxy(input.DBProxyName);
  const live = fleet.live(proxy.name);
  if (live.status === "deleting") throw FAULTS.proxyState(proxy.name, live.status);
  const done = live.delete();
  const DBProxy = describeProxy(fleet, proxy);
  const forget = (): void => {
    for (const endpoint of fleet.endpointsOf(proxy.name)) {
      fleet.endpoints.delete(endpoint.name);
      fleet.setTags(fleet.arns.endpoint(endpoint), []);
    }
    fleet.setTags(fleet.arns.proxy(proxy), []);
    fleet.proxies.delete(proxy.name);
    fleet.liveProxies.delete(proxy.name);
    fleet.tellProxy(proxy, "deletion", "RDS deleted DB proxy");
  };
  void done.then(forget, forget);
  return { DBProxy };
}
