import { isIP } from "node:net";

/**
 * Whether a request with this Host header may be answered by a server bound to loopback. A page that has its own name
 * resolve to 127.0.0.1 (DNS rebinding) sends that name; addresses and `localhost` cannot be taken over so.
 */
export function isLocalHost(header: string | undefined): boolean {
  // Only browsers matter here, and they always send it.
  if (header === undefined || header === "") return true;
  const name = header.replace(/:\d*$/, "").toLowerCase();
  const address = name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name;
  return name === "localhost" || name.endsWith(".localhost") || isIP(address) !== 0;
}

/** Whether a server that listens on this address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
