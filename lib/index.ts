/** The door of the CDK part: constructs for other people's stacks, and this project's own. */
export { acknowledge } from "./acknowledge.ts";
export { SluiceApplication } from "./application.ts";
export { AuroraDatabase, type AuroraDatabaseProps } from "./database.ts";
export { NetworkStack } from "./network-stack.ts";
export { PooledDatabase, type PooledDatabaseProps } from "./pooled-database.ts";
export type { ProxyOptions } from "./proxy-configuration.ts";
export { type SluiceEndpoint, SluiceProxy, type SluiceProxyProps } from "./sluice-proxy.ts";
export { SluiceSidecar, type SluiceSidecarProps } from "./sluice-sidecar.ts";
export {
  checkSettings,
  isStage,
  STAGES,
  type Stage,
  type StageSettings,
  settingsOf,
} from "./stage-settings.ts";
