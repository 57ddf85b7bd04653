/**
 * The settings of one proxy, complete and immutable: what `parseSpec` makes of a configuration file. Keys are the
 * file's own (RDS's names in camel case), so that problems, differences and documents speak of one thing. Units are
 * the file's as well: timeouts of RDS in seconds, those of the monitor in milliseconds.
 */
import type { Concealed } from "./concealed.ts";

/** What an endpoint serves. */
export type EndpointRole = "READ_WRITE" | "READ_ONLY";

export type IamAuth = "DISABLED" | "REQUIRED";

export type ClientPasswordAuthType = "MYSQL_CACHING_SHA2_PASSWORD" | "MYSQL_NATIVE_PASSWORD";

export type Topology = "aurora" | "readOnly" | "static";

export type TargetTlsMode = "DISABLED" | "PREFERRED" | "REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY";

export type SessionPinningFilter = "EXCLUDE_VARIABLE_SETS";

export type Pinning = "rds" | "adaptive";

/** Where in the configuration file something stands. Lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path, list positions in brackets: `auth[0].password`. */
  readonly key: string;
}

/** Says where a password is; the password itself is only known after `resolvePassword`. */
export type PasswordRef =
  | { readonly from: "env"; readonly name: string; readonly at: Place }
  | { readonly from: "file"; readonly path: string; readonly at: Place }
  | { readonly from: "value"; readonly value: Concealed; readonly at: Place };

/** Who to be towards the database: a name with its password, or a secret that holds both. */
export type CredentialSpec =
  | { readonly from: "password"; readonly username: string; readonly password: PasswordRef }
  /** `username`, where given, must be the secret's. */
  | {
      readonly from: "secret";
      readonly secretArn: string;
      readonly username: string | null;
      readonly at: Place;
    };

export interface EndpointSpec {
  readonly name: string;
  readonly targetRole: EndpointRole;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** `host` or `host:port` that IAM tokens may name beside its address. */
  readonly publicHosts?: readonly string[] | undefined;
}

export interface AuthSpec {
  readonly credential: CredentialSpec;
  readonly iamAuth: IamAuth;
  readonly clientPasswordAuthType: ClientPasswordAuthType;
}

export interface HostSpec {
  readonly host: string;
  readonly port: number;
}

export interface MonitorSpec {
  /** null: the proxy watches its targets as the first user of `auth`. */
  readonly credential: CredentialSpec | null;
  /** Milliseconds between two probes of a target. */
  readonly interval: number;
  /** Milliseconds a probe may take. */
  readonly timeout: number;
  /** Milliseconds a reader may lag behind before it gets no new sessions. */
  readonly maxLag: number;
}

export interface TargetSpec {
  readonly hosts: readonly HostSpec[];
  readonly topology: Topology;
  readonly domainSuffix: string;
  /** Where instances are that the suffix does not lead to, by id. */
  readonly instances: Readonly<Record<string, HostSpec>>;
  /** The RDS API is asked where this cluster's instances are; empty: it is not. */
  readonly clusterIdentifier: string;
  readonly monitor: MonitorSpec;
  readonly tls: TargetTlsMode;
  /** null: the certificate authorities that Node knows. */
  readonly caFile: string | null;
}

export interface PoolSpec {
  readonly maxConnectionsPercent: number;
  /** Absolute cap per target; null: the percentage counts. */
  readonly maxConnections: number | null;
  readonly maxIdleConnectionsPercent: number;
  /** Seconds; 0: fail at once. */
  readonly connectionBorrowTimeout: number;
  readonly sessionPinningFilters: readonly SessionPinningFilter[];
  readonly initQuery: string;
}

export interface LimitsSpec {
  readonly maxClientConnections: number;
  /** New client connections a second; 0: no limit. */
  readonly maxConnectionRate: number;
}

export interface AdminSpec {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface ProxySpec {
  readonly name: string;
  readonly endpoints: readonly EndpointSpec[];
  readonly requireTLS: boolean;
  /** null: a self-signed certificate made at start. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** Seconds. */
  readonly idleClientTimeout: number;
  readonly debugLogging: boolean;
  readonly auth: readonly AuthSpec[];
  readonly target: TargetSpec;
  readonly pool: PoolSpec;
  readonly pinning: Pinning;
  readonly limits: LimitsSpec;
  readonly admin: AdminSpec;
}

/** Something wrong, or worth a warning, in a configuration file. */
export interface SpecProblem extends Place {
  readonly message: string;
}

export type ParsedSpec =
  | { readonly ok: true; readonly spec: ProxySpec; readonly warnings: readonly SpecProblem[] }
  | { readonly ok: false; readonly problems: readonly SpecProblem[] };
