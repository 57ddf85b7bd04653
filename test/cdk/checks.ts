import { NETWORK_CHECKS } from "./checks-network.ts";
import { DATABASE_CHECKS, ROLE_CHECKS, WEBHOOK_CHECKS } from "./checks-others.ts";
import { PROXY_CHECKS } from "./checks-proxy.ts";
import type { Check } from "./scene.ts";

export const CHECKS: readonly Check[] = [
  ...NETWORK_CHECKS,
  ...DATABASE_CHECKS,
  ...PROXY_CHECKS,
  ...ROLE_CHECKS,
  ...WEBHOOK_CHECKS,
];
