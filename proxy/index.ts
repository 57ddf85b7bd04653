/** The data plane's only door. */
import type { CreateProxy } from "./ports.ts";
import { ProxyRuntime } from "./runtime.ts";

export type { ProxyHandle, ProxyPorts } from "./ports.ts";

export const createProxy: CreateProxy = (spec, ports) => new ProxyRuntime(spec, ports);

export { type CertificateAuthority, makeCa } from "./net/self-signed.ts";
