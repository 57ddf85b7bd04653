/** The door of the local stack: what the command line and the tests of other parts may use of it. */
export {
  Cluster,
  type ClusterInstance,
  type ClusterOptions,
  type Role,
  startCluster,
} from "./cluster.ts";
export { grantDatabase, keptApplication } from "./cluster-application.ts";
export { ENGINES, type Engine } from "./engine.ts";
export { FunctionRunner } from "./function-runner.ts";
export { type AccessLogEntry, HttpApi } from "./http-api.ts";
export { makeRunFolder } from "./run-folder.ts";
export { type AwsEndpoint, SecretsEndpoint, type StoredSecret } from "./secrets-endpoint.ts";
export { makeTlsFiles, type TlsFiles } from "./tls-files.ts";
export { Watchdog } from "./watchdog.ts";
