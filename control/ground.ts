import { randomBytes } from "node:crypto";
import type { Store } from "./store.ts";

/** What all services stand on. */
export interface Ground {
  readonly accountId: string;
  readonly region: string;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly store: Store;
}

const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LOWER = "abcdefghijklmnopqrstuvwxyz0123456789";

function pick(chars: string, count: number): string {
  return Array.from(randomBytes(count), (byte) => chars[byte % chars.length]).join("");
}

/** As ids of IAM end. */
export function randomUpper(count: number): string {
  return pick(UPPER, count);
}

export function randomHex(count: number): string {
  return randomBytes(count).toString("hex").slice(0, count);
}

/** As a secret's ARN ends. */
export function randomMixed(count: number): string {
  return pick(`${UPPER}${LOWER}`, count);
}
