/** The door of the local stack: what the command line and the tests of other parts may use of it. */
export {
  AuroraCluster,
  type AuroraClusterOptions,
  startAuroraCluster,
} from "./aurora-cluster.ts";
export {
  Cluster,
  type ClusterInstance,
  type ClusterOptions,
  type Role,
  startCluster,
} from "./cluster.ts";
export {
  grantDatabase,
  grantEverything,
  keptApplication,
  setPassword,
} from "./cluster-application.ts";
export {
  ClusterControl,
  type ClusterDescription,
  type ClusterProxy,
  describeAurora,
  findCluster,
} from "./cluster-control.ts";
export { ENGINES, type Engine } from "./engine.ts";
export {
  FAILOVER_MODES,
  type FailoverEvent,
  type FailoverMode,
  type FailoverOptions,
  failOver,
  PROMOTION_SECONDS,
} from "./failover.ts";
export { FunctionRunner } from "./function-runner.ts";
export { type AccessLogEntry, HttpApi } from "./http-api.ts";
export { checkLoad, Load, type LoadCheck } from "./load.ts";
export { type ChartInput, svgChart, terminalChart } from "./load-chart.ts";
export { type LoadSummary, type ProxySign, summarise } from "./load-summary.ts";
export { makeRunFolder } from "./run-folder.ts";
export { SecretsEndpoint, type StoredSecret } from "./secrets-endpoint.ts";
export { TemplateRun } from "./template/template-run.ts";
export { makeTlsFiles, type TlsFiles } from "./tls-files.ts";
export { Watchdog } from "./watchdog.ts";
