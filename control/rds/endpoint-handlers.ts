import type * as sdk from "@aws-sdk/client-rds";
import { randomHex } from "../ground.ts";
import type { Handler } from "../service.ts";
import { describeDefaultEndpoint, describeEndpoint } from "./descriptions.ts";
import { FAULTS } from "./faults.ts";
import { type Fleet, paged } from "./fleet.ts";
import { checkSubnets, GROUP, SECURITY_GROUP } from "./names.ts";
import type { EndpointRecord, ProxyRecord } from "./records.ts";
import { tagsOf } from "./tag-handlers.ts";

const ENDPOINTS_MAX = 20;

export function endpointHandlers(fleet: Fleet): Record<string, Handler> {
  return {
    CreateDBProxyEndpoint: (input: sdk.CreateDBProxyEndpointRequest) =>
      createEndpoint(fleet, input),
    ModifyDBProxyEndpoint: (input: sdk.ModifyDBProxyEndpointRequest) =>
      modifyEndpoint(fleet, input),
    DeleteDBProxyEndpoint: (input: sdk.DeleteDBProxyEndpointRequest) =>
      deleteEndpoint(fleet, input),
    DescribeDBProxyEndpoints: (
      input: sdk.DescribeDBProxyEndpointsRequest,
    ): sdk.DescribeDBProxyEndpointsResponse => {
      const { items, more } = paged(described(fleet, input), input);
      return { DBProxyEndpoints: items, ...more };
    },
  };
}

function described(
  fleet: Fleet,
  { DBProxyName: proxyName, DBProxyEndpointName: name }: sdk.DescribeDBProxyEndpointsRequest,
): sdk.DBProxyEndpoint[] {
  const proxies = proxyName === undefined ? [...fleet.proxies.values()] : [fleet.proxy(proxyName)];
  const all = proxies.flatMap((proxy) => [
    describeDefaultEndpoint(fleet, proxy),
    ...fleet
      .endpointsOf(proxy.name)
      .map((each) => describeEndpoint(fleet, each, fleet.live(proxy.name).status)),
  ]);
  const found = name === undefined ? all : all.filter((each) => each.DBProxyEndpointName === name);
  if (name !== undefined && found.length === 0) throw FAULTS.endpointNotFound(name);
  return found;
}

function endpointNamed(fleet: Fleet, name: string | undefined): EndpointRecord {
  const found = fleet.endpoints.get(name ?? "");
  if (found !== undefined) return found;
  if (name === GROUP)
    throw FAULTS.endpointState(name, "the default endpoint can't be modified or deleted");
  throw FAULTS.endpointNotFound(name ?? "");
}

async function createEndpoint(
  fleet: Fleet,
  input: sdk.CreateDBProxyEndpointRequest,
): Promise<sdk.CreateDBProxyEndpointResponse> {
  const proxy = fleet.availableProxy(input.DBProxyName);
  const name = input.DBProxyEndpointName!;
  checkSubnets(input.VpcSubnetIds!);
  if (fleet.endpoints.has(name) || name === GROUP) throw FAULTS.endpointExists(name);
  if (fleet.endpointsOf(proxy.name).length >= ENDPOINTS_MAX) throw FAULTS.endpointQuota();
  const role = input.TargetRole ?? "READ_WRITE";
  if (role === "READ_ONLY") checkReaders(fleet, proxy);
  const endpoint: EndpointRecord = {
    name,
    id: `prx-endpoint-${randomHex(17)}`,
    proxyName: proxy.name,
    role,
    createdAt: fleet.ground.nowMs(),
    subnetIds: input.VpcSubnetIds!,
    securityGroupIds: input.VpcSecurityGroupIds ?? [SECURITY_GROUP],
    endpointNetworkType: input.EndpointNetworkType ?? "IPV4",
    address: await fleet.reserveAddress(),
  };
  fleet.endpoints.set(name, endpoint);
  fleet.setTags(fleet.arns.endpoint(endpoint), tagsOf(input.Tags));
  void fleet.live(proxy.name).refresh();
  fleet.tellProxy(proxy, "creation", `RDS created endpoint ${name} for DB proxy`);
  return { DBProxyEndpoint: describeEndpoint(fleet, endpoint, "creating") };
}

/** As on AWS: a cluster without readers gets no endpoint for them. */
function checkReaders(fleet: Fleet, { registrations, name }: ProxyRecord): void {
  const [registered] = registrations;
  if (registered === undefined) return;
  const readers =
    registered.kind === "instance"
      ? 0
      : (fleet.liveClusters
          .get(registered.id)
          ?.running?.instances()
          .filter(({ isWriter }) => !isWriter).length ?? 0);
  if (readers === 0)
    throw FAULTS.parameter(
      `Invalid value 'READ_ONLY' for TargetRole: the target of the DB proxy ${name} has no reader`,
    );
}

async function modifyEndpoint(
  fleet: Fleet,
  input: sdk.ModifyDBProxyEndpointRequest,
): Promise<sdk.ModifyDBProxyEndpointResponse> {
  const old = endpointNamed(fleet, input.DBProxyEndpointName);
  const proxy = fleet.availableProxy(old.proxyName);
  const name = input.NewDBProxyEndpointName ?? old.name;
  if (name !== old.name && (fleet.endpoints.has(name) || name === GROUP))
    throw FAULTS.endpointExists(name);
  const securityGroupIds = input.VpcSecurityGroupIds ?? old.securityGroupIds;
  const endpoint = { ...old, name, securityGroupIds };
  fleet.endpoints.delete(old.name);
  fleet.endpoints.set(name, endpoint);
  if (name !== old.name) void fleet.live(proxy.name).refresh();
  fleet.tellProxy(proxy, "configuration change", `RDS modified endpoint ${name} of DB proxy`);
  return { DBProxyEndpoint: describeEndpoint(fleet, endpoint, "modifying") };
}

async function deleteEndpoint(
  fleet: Fleet,
  input: sdk.DeleteDBProxyEndpointRequest,
): Promise<sdk.DeleteDBProxyEndpointResponse> {
  const endpoint = endpointNamed(fleet, input.DBProxyEndpointName);
  const proxy = fleet.proxy(endpoint.proxyName);
  const { status } = fleet.live(proxy.name);
  if (status !== "available")
    throw FAULTS.endpointState(endpoint.name, `its DB proxy is in the state ${status}`);
  fleet.endpoints.delete(endpoint.name);
  fleet.setTags(fleet.arns.endpoint(endpoint), []);
  void fleet.live(proxy.name).refresh();
  fleet.tellProxy(proxy, "deletion", `RDS deleted endpoint ${endpoint.name} of DB proxy`);
  return { DBProxyEndpoint: describeEndpoint(fleet, endpoint, "deleting") };
}
