import type { Address, AuthPlan, EndpointRole, PoolPlan } from "../ports.ts";

export interface AuthRecord extends AuthPlan {
  readonly description: string | null;
}

/** What a proxy has registered. */
export interface Registration {
  readonly kind: "cluster" | "instance";
  readonly id: string;
}

export interface ProxyRecord {
  readonly name: string;
  /** `prx-` and 17 hexadecimal digits. */
  readonly id: string;
  readonly targetGroupId: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly roleArn: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  readonly auth: readonly AuthRecord[];
  readonly requireTls: boolean;
  readonly idleClientTimeout: number;
  readonly debugLogging: boolean;
  readonly endpointNetworkType: "IPV4" | "IPV6" | "DUAL";
  readonly targetConnectionNetworkType: "IPV4" | "IPV6";
  readonly address: Address;
  readonly pool: PoolPlan;
  readonly poolUpdatedAt: number;
  readonly registrations: readonly Registration[];
}

/** An endpoint beside the default one. */
export interface EndpointRecord {
  readonly name: string;
  readonly id: string;
  readonly proxyName: string;
  readonly role: EndpointRole;
  readonly createdAt: number;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  readonly endpointNetworkType: "IPV4" | "IPV6" | "DUAL";
  readonly address: Address;
}

export interface ClusterRecord {
  readonly id: string;
  readonly resourceId: string;
  readonly engine: string;
  readonly createdAt: number;
  readonly master: { readonly user: string; readonly password: string };
  readonly masterSecretArn: string | null;
  readonly database: string | null;
  readonly iamAuth: boolean;
  readonly deletionProtection: boolean;
  /** Not made by this API: it can be used and failed over, but not deleted. */
  readonly isAdopted: boolean;
  /** Members of the request that are only given back. */
  readonly echoed: Readonly<Record<string, unknown>>;
}

export interface InstanceRecord {
  readonly id: string;
  readonly resourceId: string;
  readonly engine: string;
  readonly createdAt: number;
  readonly clusterId: string | null;
  /** What the server calls itself. */
  readonly serverId: string | null;
  /** Of a server that was there before. */
  readonly address: Address | null;
  readonly monitor: { readonly user: string; readonly password: string } | null;
  readonly instanceClass: string;
  readonly promotionTier: number;
  readonly echoed: Readonly<Record<string, unknown>>;
}

export interface EventRecord {
  readonly at: number;
  readonly sourceType: "db-proxy" | "db-cluster" | "db-instance";
  readonly sourceId: string;
  readonly sourceArn: string;
  readonly category: string;
  readonly message: string;
}
