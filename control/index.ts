/** The control plane's only door. */
export {
  type AccessKey,
  ControlPlane,
  type ControlPlaneOptions,
} from "./control-plane.ts";
