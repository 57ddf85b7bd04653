/** What the data plane needs from outside, and what it offers: the seam between `createProxy` and its callers. */
import type { ProxyCounters } from "./observe/counters.ts";
import type { EventBus } from "./observe/events.ts";
import type { AdminView, EndpointView } from "./observe/state-view.ts";
import type { ProxySpec } from "./spec/proxy-spec.ts";
import type { PasswordSources } from "./spec/resolve-password.ts";

export interface ProxyClock {
  /** Milliseconds since 1970, for people. */
  epochMs(): number;
  /** Milliseconds that never jump, for durations. */
  monotonicMs(): number;
}

export interface DatabaseSecret {
  readonly username: string;
  readonly password: string;
}

export interface InstanceAddress {
  readonly host: string;
  readonly port: number;
}

/** A secret was read and is not what it should be. The message must not repeat it. */
export class MalformedSecret extends Error {
  override readonly name = "MalformedSecret";
}

/** The role that the proxy reads secrets with may not read this one. */
export class SecretForbidden extends Error {
  override readonly name = "SecretForbidden";
  readonly roleArn: string;

  constructor(roleArn: string, options?: ErrorOptions) {
    super(`the role ${roleArn} may not read it`, options);
    this.roleArn = roleArn;
  }
}

/** A setting that turned out to be wrong only when it was used: a certificate, an address. */
export class SettingFault extends Error {
  override readonly name = "SettingFault";
  /** Names and positions down to the setting: `["endpoints", 0, "port"]`. */
  readonly path: readonly (string | number)[];

  constructor(path: readonly (string | number)[], message: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}

/** With which access keys IAM tokens may be signed. */
export interface TokenKeys {
  readonly region: string;
  /** null: no such key, or the session token does not belong to it, or its owner may not connect as the user. */
  secretOf(accessKeyId: string, sessionToken: string | null, user: string): string | null;
}

export interface ProxyPorts {
  /** Of Sluice, for the state view. */
  readonly version: string;
  readonly clock: ProxyClock;
  readonly events: EventBus;
  /** Where `resolvePassword` looks. */
  readonly passwords: PasswordSources;
  /** The bytes of a certificate, key or authority file; relative paths count from the configuration file. */
  readFile(path: string): Promise<Buffer>;
  /** Rejects with a MalformedSecret, or another error whose message is fit for a log line. */
  fetchSecret(secretArn: string): Promise<DatabaseSecret>;
  /** Where a cluster's instances are, by id, by the word of the RDS API; absent: nobody can be asked. */
  findInstances?(clusterIdentifier: string): Promise<ReadonlyMap<string, InstanceAddress>>;
  /** Absent: nobody gets in by IAM token. */
  readonly tokenKeys?: TokenKeys | null;
}

export interface ProxyHandle {
  /** Resolves once every endpoint listens; rejects where one cannot. Targets may still be unknown. */
  start(): Promise<void>;
  /** Makes a new spec effective as far as `diffSpec` says that it can be; rejects, and stays as it was, where it cannot. */
  apply(spec: ProxySpec): Promise<void>;
  /** Accepts nobody new, lets transactions end, resolves when the last session is gone or the time is up. */
  drain(withinMs: number): Promise<void>;
  /** Closes everything at once. */
  stop(): Promise<void>;
  /** Where it listens, with real ports. */
  endpoints(): readonly EndpointView[];
  readonly view: AdminView;
  readonly counters: ProxyCounters;
}

/** The signature of `createProxy`. */
export type CreateProxy = (spec: ProxySpec, ports: ProxyPorts) => ProxyHandle;
