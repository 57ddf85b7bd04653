/**
 * What the control plane needs of the data plane and of database servers. Nothing of theirs is imported here: whoever
 * starts the control plane brings them along.
 */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export type EndpointRole = "READ_WRITE" | "READ_ONLY";

export interface EndpointPlan {
  readonly name: string;
  readonly role: EndpointRole;
  readonly address: Address;
  /** `host` or `host:port` that IAM tokens may name beside its address. */
  readonly publicHosts: readonly string[];
}

export interface AuthPlan {
  readonly secretArn: string;
  readonly userName: string | null;
  readonly iamAuth: "DISABLED" | "REQUIRED";
  readonly clientPasswordAuthType: "MYSQL_CACHING_SHA2_PASSWORD" | "MYSQL_NATIVE_PASSWORD";
}

export interface PoolPlan {
  readonly maxConnectionsPercent: number;
  readonly maxIdleConnectionsPercent: number;
  /** Seconds. */
  readonly connectionBorrowTimeout: number;
  readonly sessionPinningFilters: readonly "EXCLUDE_VARIABLE_SETS"[];
  readonly initQuery: string;
}

/** The servers behind a proxy. */
export interface TargetPlan {
  /** aurora: roles and members are read from the cluster's own view · static: the first one writes. */
  readonly topology: "aurora" | "static";
  readonly hosts: readonly Address[];
  /** Of aurora: by the servers' own ids. */
  readonly instances: Readonly<Record<string, Address>>;
  readonly monitor: Login | null;
  /** Vouches for the servers' certificates; null: TLS where the server has it, unverified. */
  readonly caFile: string | null;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Everything that a proxy is to be. */
export interface ProxyPlan {
  readonly name: string;
  readonly endpoints: readonly EndpointPlan[];
  readonly auth: readonly AuthPlan[];
  readonly requireTls: boolean;
  /** Seconds. */
  readonly idleClientTimeout: number;
  readonly debugLogging: boolean;
  readonly pool: PoolPlan;
  /** null: nothing is registered. */
  readonly target: TargetPlan | null;
}

export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** What a proxy asks the control plane for while it runs. */
export interface ProxyHooks {
  readonly region: string;
  /** Where it reads its secrets. */
  readonly awsEndpoint: string;
  readonly roleArn: () => string;
  /** Of the role; rejects where the role cannot be assumed. */
  readonly credentials: () => Promise<TemporaryCredentials>;
  /** The key's secret if its owner may connect as the user; else null. */
  readonly tokenSecret: (
    accessKeyId: string,
    sessionToken: string | null,
    user: string,
  ) => string | null;
  readonly onLine: (line: string) => void;
  readonly onDebugLoggingEnded: () => void;
}

export type TargetHealth = "REGISTERING" | "AVAILABLE" | "UNAVAILABLE" | "UNUSED";

/** A server as the proxy sees it. */
export interface TargetSight {
  readonly id: string;
  readonly address: Address;
  readonly role: EndpointRole | "UNKNOWN";
  readonly state: TargetHealth;
  readonly reason: string | null;
  readonly description: string | null;
}

/** A number for CloudWatch, with what was added up in it. */
export interface DataPoint {
  readonly name: string;
  readonly unit: string;
  /** gauge: what is now · counter, latency: what has come since the last time. */
  readonly kind: "gauge" | "counter" | "latency";
  readonly dimensions: readonly (readonly [string, string])[];
  readonly sum: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
}

export interface RunningProxy {
  /** Changes it as far as possible without dropping anybody; rejects, and stays as it was, where it cannot. */
  apply(plan: ProxyPlan): Promise<void>;
  targets(): readonly TargetSight[];
  /** At least one user may log in. */
  hasCredentials(): boolean;
  /** What has come since this was asked the last time, and what is now. */
  dataPoints(): readonly DataPoint[];
  stop(): Promise<void>;
}

export interface DataPlane {
  /** A free address for an endpoint: of its own at port 3306 where the system has such, else a port of its own. */
  reserve(taken: readonly Address[]): Promise<Address>;
  open(plan: ProxyPlan, hooks: ProxyHooks): Promise<RunningProxy>;
}

export interface ClusterOrder {
  readonly id: string;
  readonly engine: "mysql" | "mariadb";
  readonly master: Login;
  readonly database: string | null;
  /** Of each server; null: the servers' own default. */
  readonly maxConnections: number | null;
  /** How many servers it has; more than one where it is started again. */
  readonly instances: number;
}

export interface RunningInstance {
  /** As the server calls itself. */
  readonly id: string;
  readonly isWriter: boolean;
  readonly isRunning: boolean;
  readonly address: Address;
}

/** A cluster of real servers. */
export interface RunningCluster {
  readonly engineVersion: string;
  readonly endpoint: Address;
  readonly readerEndpoint: Address;
  readonly monitor: Login;
  readonly caFile: string;
  instances(): readonly RunningInstance[];
  /** Returns the new one's id. */
  addInstance(): Promise<string>;
  removeInstance(id: string): Promise<void>;
  restart(id: string): Promise<void>;
  /** Resolves when the new writer writes and everything runs again; null lets the cluster choose. */
  failOver(target: string | null): Promise<void>;
  setMaster(master: Login): Promise<void>;
  stop(): Promise<void>;
}

export interface Databases {
  /** Resolves when the writer takes writes and every reader follows it. */
  start(order: ClusterOrder): Promise<RunningCluster>;
  /** Removes what a cluster has left on the disk. */
  forget(id: string): Promise<void>;
}
