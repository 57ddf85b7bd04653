import { AwsFault, commonFault } from "../protocol/fault.ts";

export const FAULTS = {
  proxyNotFound: (name: string) =>
    new AwsFault("DBProxyNotFoundFault", `DBProxy ${name} not found.`),
  proxyExists: (name: string) =>
    new AwsFault(
      "DBProxyAlreadyExistsFault",
      `Cannot create the DBProxy because a DBProxy with the identifier ${name} already exists.`,
    ),
  proxyQuota: () =>
    new AwsFault(
      "DBProxyQuotaExceededFault",
      "The request cannot be processed because it would exceed the maximum number of DBProxies.",
    ),
  proxyState: (name: string, status: string) =>
    new AwsFault(
      "InvalidDBProxyStateFault",
      `The requested operation can't be performed while the DBProxy ${name} is in the state ${status}.`,
    ),
  groupNotFound: (name: string) =>
    new AwsFault("DBProxyTargetGroupNotFoundFault", `DBProxyTargetGroup ${name} not found.`),
  targetNotFound: (id: string) =>
    new AwsFault("DBProxyTargetNotFoundFault", `DBProxyTarget ${id} not found.`),
  targetExists: (id: string) =>
    new AwsFault(
      "DBProxyTargetAlreadyRegisteredFault",
      `The proxy is already associated with ${id}, or with another target.`,
    ),
  endpointNotFound: (name: string) =>
    new AwsFault("DBProxyEndpointNotFoundFault", `DBProxyEndpoint ${name} not found.`),
  endpointExists: (name: string) =>
    new AwsFault(
      "DBProxyEndpointAlreadyExistsFault",
      `A DBProxyEndpoint with the identifier ${name} already exists.`,
    ),
  endpointQuota: () =>
    new AwsFault(
      "DBProxyEndpointQuotaExceededFault",
      "The DB proxy already has the maximum number of endpoints.",
    ),
  endpointState: (name: string, why: string) =>
    new AwsFault(
      "InvalidDBProxyEndpointStateFault",
      `The requested operation can't be performed on the DBProxyEndpoint ${name}: ${why}.`,
    ),
  subnet: (which: string) =>
    new AwsFault(
      "InvalidSubnet",
      `The requested subnet is invalid, or multiple subnets were requested that are not all in a common VPC: ${which}`,
    ),
  noAddress: () =>
    new AwsFault(
      "InsufficientAvailableIPsInSubnetFault",
      "The requested operation can't be performed because there aren't enough available addresses.",
    ),
  clusterNotFound: (id: string) =>
    new AwsFault("DBClusterNotFoundFault", `DBCluster ${id} not found.`),
  clusterExists: () => new AwsFault("DBClusterAlreadyExistsFault", "DB Cluster already exists"),
  clusterState: (message: string) => new AwsFault("InvalidDBClusterStateFault", message),
  instanceNotFound: (id: string) =>
    new AwsFault("DBInstanceNotFoundFault", `DBInstance ${id} not found.`),
  instanceExists: () => new AwsFault("DBInstanceAlreadyExistsFault", "DB Instance already exists"),
  instanceState: (id: string, status: string) =>
    new AwsFault(
      "InvalidDBInstanceStateFault",
      `DB Instance ${id} is in an unsupported state - ${status.toUpperCase()}, needs to be in [AVAILABLE, MODIFYING, BACKING_UP]`,
    ),
  parameter: (message: string) => commonFault("InvalidParameterValue", message),
  combination: (message: string) => new AwsFault("InvalidParameterCombination", message),
} as const;
