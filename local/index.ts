/** The door of the local stack: what the command line and the tests of other parts may use of it. */
export {
  Cluster,
  type ClusterInstance,
  type ClusterOptions,
  type Role,
  startCluster,
} from "./cluster.ts";
export { ENGINES, type Engine } from "./engine.ts";
