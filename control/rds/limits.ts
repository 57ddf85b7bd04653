import { type Limit, limitCheck } from "../limits.ts";

const NAME: Limit = { min: 1, max: 63, pattern: /^[a-zA-Z](?:-?[a-zA-Z0-9]+)*$/ };
const IDENTIFIER: Limit = { min: 1, max: 63, pattern: /^[a-zA-Z](?:-?[a-zA-Z0-9]+)*$/ };
const ARN: Limit = { min: 20, max: 2_048 };
const NETWORK: Limit = { oneOf: ["IPV4", "IPV6", "DUAL"] };
const AUTH: Readonly<Record<string, Limit>> = {
  Auth: { max: 200 },
  "Auth[].Description": { min: 1, max: 1_000 },
  "Auth[].UserName": { min: 1, max: 128 },
  "Auth[].SecretArn": ARN,
};

export const rdsLimits = limitCheck({
  "*": {
    DBProxyName: NAME,
    NewDBProxyName: NAME,
    DBProxyEndpointName: NAME,
    NewDBProxyEndpointName: NAME,
    TargetGroupName: NAME,
    RoleArn: ARN,
    MaxRecords: { min: 20, max: 100 },
    IdleClientTimeout: { min: 1, max: 28_800 },
    EndpointNetworkType: NETWORK,
    TargetConnectionNetworkType: { oneOf: ["IPV4", "IPV6"] },
    TargetRole: { oneOf: ["READ_WRITE", "READ_ONLY"] },
    "ConnectionPoolConfig.MaxConnectionsPercent": { min: 1, max: 100 },
    "ConnectionPoolConfig.MaxIdleConnectionsPercent": { min: 0, max: 100 },
    "ConnectionPoolConfig.ConnectionBorrowTimeout": { min: 0, max: 300 },
    PromotionTier: { min: 0, max: 15 },
    "Tags[].Key": { min: 1, max: 128 },
    "Tags[].Value": { max: 256 },
    ...AUTH,
  },
  CreateDBProxy: { EngineFamily: { oneOf: ["MYSQL", "POSTGRESQL", "SQLSERVER"] } },
  CreateDBCluster: {
    DBClusterIdentifier: IDENTIFIER,
    MasterUsername: { min: 1, max: 32, pattern: /^[a-zA-Z][a-zA-Z0-9_]*$/ },
    MasterUserPassword: { min: 8, max: 41 },
    DatabaseName: { min: 1, max: 64, pattern: /^[a-zA-Z][a-zA-Z0-9_]*$/ },
  },
  ModifyDBCluster: { MasterUserPassword: { min: 8, max: 41 } },
  CreateDBInstance: { DBInstanceIdentifier: IDENTIFIER },
  DescribeEvents: {
    SourceType: {
      oneOf: [
        "db-instance",
        "db-parameter-group",
        "db-security-group",
        "db-snapshot",
        "db-cluster",
        "db-cluster-snapshot",
        "custom-engine-version",
        "db-proxy",
        "blue-green-deployment",
        "db-shard-group",
        "zero-etl",
      ],
    },
    Duration: { min: 1, max: 20_160 },
  },
});
