import type * as sdk from "@aws-sdk/client-rds";
import type { Address } from "../ports.ts";
import type { Fleet } from "./fleet.ts";
import { GROUP, VPC } from "./names.ts";
import type { AuthRecord, EndpointRecord, ProxyRecord } from "./records.ts";

const MYSQL_PORT = 3306;

/** What a driver takes as its host; with the port where that is not the usual one. */
export function hostOf({ host, port }: Address): string {
  return port === MYSQL_PORT ? host : `${host}:${port}`;
}

export function describeProxy(fleet: Fleet, proxy: ProxyRecord): sdk.DBProxy {
  return {
    DBProxyName: proxy.name,
    DBProxyArn: fleet.arns.proxy(proxy),
    Status: fleet.live(proxy.name).status,
    EngineFamily: "MYSQL",
    VpcId: VPC,
    VpcSecurityGroupIds: [...proxy.securityGroupIds],
    VpcSubnetIds: [...proxy.subnetIds],
    DefaultAuthScheme: "NONE",
    Auth: proxy.auth.map(describeAuth),
    RoleArn: proxy.roleArn,
    Endpoint: hostOf(proxy.address),
    RequireTLS: proxy.requireTls,
    IdleClientTimeout: proxy.idleClientTimeout,
    DebugLogging: proxy.debugLogging,
    CreatedDate: new Date(proxy.createdAt),
    UpdatedDate: new Date(proxy.updatedAt),
    EndpointNetworkType: proxy.endpointNetworkType,
    TargetConnectionNetworkType: proxy.targetConnectionNetworkType,
  };
}

function describeAuth(auth: AuthRecord): sdk.UserAuthConfigInfo {
  return {
    ...(auth.description === null ? {} : { Description: auth.description }),
    ...(auth.userName === null ? {} : { UserName: auth.userName }),
    AuthScheme: "SECRETS",
    SecretArn: auth.secretArn,
    IAMAuth: auth.iamAuth,
    ClientPasswordAuthType: auth.clientPasswordAuthType,
  };
}

export function describeGroup(fleet: Fleet, proxy: ProxyRecord): sdk.DBProxyTargetGroup {
  const { pool } = proxy;
  const { status } = fleet.live(proxy.name);
  return {
    DBProxyName: proxy.name,
    TargetGroupName: GROUP,
    TargetGroupArn: fleet.arns.targetGroup(proxy),
    IsDefault: true,
    Status: status,
    ConnectionPoolConfig: {
      MaxConnectionsPercent: pool.maxConnectionsPercent,
      MaxIdleConnectionsPercent: pool.maxIdleConnectionsPercent,
      ConnectionBorrowTimeout: pool.connectionBorrowTimeout,
      SessionPinningFilters: [...pool.sessionPinningFilters],
      ...(pool.initQuery === "" ? {} : { InitQuery: pool.initQuery }),
    },
    CreatedDate: new Date(proxy.createdAt),
    UpdatedDate: new Date(proxy.poolUpdatedAt),
  };
}

export function describeDefaultEndpoint(fleet: Fleet, proxy: ProxyRecord): sdk.DBProxyEndpoint {
  const { status } = fleet.live(proxy.name);
  return {
    DBProxyEndpointName: GROUP,
    DBProxyEndpointArn: fleet.arns.endpoint({ id: `prx-endpoint-${proxy.id.slice(4)}` }),
    DBProxyName: proxy.name,
    Status: status,
    VpcId: VPC,
    VpcSecurityGroupIds: [...proxy.securityGroupIds],
    VpcSubnetIds: [...proxy.subnetIds],
    Endpoint: hostOf(proxy.address),
    CreatedDate: new Date(proxy.createdAt),
    TargetRole: "READ_WRITE",
    IsDefault: true,
    EndpointNetworkType: proxy.endpointNetworkType,
  };
}

export function describeEndpoint(
  fleet: Fleet,
  endpoint: EndpointRecord,
  status: sdk.DBProxyEndpointStatus,
): sdk.DBProxyEndpoint {
  return {
    DBProxyEndpointName: endpoint.name,
    DBProxyEndpointArn: fleet.arns.endpoint(endpoint),
    DBProxyName: endpoint.proxyName,
    Status: status,
    VpcId: VPC,
    VpcSecurityGroupIds: [...endpoint.securityGroupIds],
    VpcSubnetIds: [...endpoint.subnetIds],
    Endpoint: hostOf(endpoint.address),
    CreatedDate: new Date(endpoint.createdAt),
    TargetRole: endpoint.role,
    IsDefault: false,
    EndpointNetworkType: endpoint.endpointNetworkType,
  };
}
