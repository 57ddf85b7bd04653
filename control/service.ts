import type { Principal } from "./iam/principal.ts";
import type { ServiceModel } from "./protocol/service-model.ts";

/** Of one call. */
export interface Call {
  readonly caller: Principal;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Takes an input of the operation's type and returns its output; rejects with an AwsFault. */
export type Handler = (input: never, call: Call) => unknown;

/** The operations of one service that are served. */
export interface Service {
  readonly model: ServiceModel;
  /** Of actions in policies: `rds:CreateDBProxy`. */
  readonly actionPrefix: string;
  readonly handlers: Readonly<Record<string, Handler>>;
  /** Refuses what the schemas cannot: lengths, ranges, patterns, enumerations. */
  readonly checkLimits: (operation: string, input: Record<string, unknown>) => void;
  /** What a call is about, for policies; `*` where it is about nothing in particular. */
  readonly resourceOf: (operation: string, input: Record<string, unknown>) => string;
  /** Operations that whoever has signed may call. */
  readonly open?: readonly string[];
}
