/** The control plane's only door. */
export {
  type AccessKey,
  ControlPlane,
  type ControlPlaneOptions,
} from "./control-plane.ts";
export type {
  Address,
  ClusterOrder,
  Databases,
  DataPlane,
  DataPoint,
  Login,
  ProxyHooks,
  ProxyPlan,
  RunningCluster,
  RunningProxy,
  TargetPlan,
} from "./ports.ts";
