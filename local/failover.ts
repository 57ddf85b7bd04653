import { setTimeout as pause } from "node:timers/promises";
import type { AuroraCluster } from "./aurora-cluster.ts";
import { rows, withLogin } from "./database-login.ts";

export const FAILOVER_MODES = ["planned", "crash", "cut"] as const;

/** planned: asked for · crash: the writer is killed · cut: nothing reaches the writer any more, and nobody is told. */
export type FailoverMode = (typeof FAILOVER_MODES)[number];

export type FailoverStep =
  | "api-call"
  | "promotion-began"
  | "writer-accepts-writes"
  | "endpoint-repointed"
  | "former-writer-back"
  | "completed";

export interface FailoverEvent {
  readonly step: FailoverStep;
  /** Of the monotonic clock, shifted to milliseconds since 1970: the same in all processes of a machine. */
  readonly at: number;
  readonly instance: string;
}

export interface FailoverOptions {
  readonly mode?: FailoverMode;
  /** Who is to write; by promotion tier when absent. */
  readonly target?: string | undefined;
  /** From the beginning of the promotion to the new writer's first write: Aurora needs about six. 0: as fast as it goes. */
  readonly promotionSeconds?: number;
  /** Until clients that ask the DNS for the cluster's endpoint get the new address, after the promotion. */
  readonly dnsSeconds?: number;
  readonly onEvent?: (event: FailoverEvent) => void;
}

export const PROMOTION_SECONDS = 6;
/** Aurora's names live for five seconds; on average half of that is left. */
const DNS_SHARE = 0.4;
/** Milliseconds for statements that run on a writer that hands over, once its clients have had time to notice that it does. */
const FINISH_MS = 1_000;
const FINISH_POLL_MS = 10;
/** Milliseconds from a writer's last write to the end of its connections. */
const NOTICE_MS = { least: 150, most: 1_000 } as const;
/** Share of the time without a writer that this takes at most. */
const NOTICE_SHARE = 0.5;

/** Aurora's clock as all processes of this machine read it. */
export function sharedNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Makes a reader the writer as Aurora does; resolves when everything runs again. The timeline in order. */
export async function failOver(
  aurora: AuroraCluster,
  options: FailoverOptions = {},
): Promise<FailoverEvent[]> {
  const { mode = "planned", promotionSeconds = PROMOTION_SECONDS } = options;
  const former = aurora.writer.id;
  const next = options.target ?? aurora.successor().id;
  if (next === former) throw new Error(`${next} is the writer already`);
  if (!aurora.readers.some(({ id, pid }) => id === next && pid !== 0)) {
    throw new Error(`no reader ${next} runs`);
  }
  const events: FailoverEvent[] = [];
  const tell = (step: FailoverStep, instance: string): void => {
    const event = { step, at: sharedNow(), instance };
    events.push(event);
    options.onEvent?.(event);
  };
  tell("api-call", next);
  const began = performance.now();
  tell("promotion-began", next);
  const down = takeDown(aurora, former, { mode, promotionMs: promotionSeconds * 1_000 });
  await down.begun;
  let repointed: Promise<void> = Promise.resolve();
  await aurora.cluster.promote(next, {
    beforeWrites: async () => {
      await down.ended;
      await pause(Math.max(0, promotionSeconds * 1_000 - (performance.now() - began)));
    },
    onWrites: () => {
      tell("writer-accepts-writes", next);
      aurora.rolesChanged();
      repointed = pause((options.dnsSeconds ?? promotionSeconds * DNS_SHARE) * 1_000).then(() => {
        aurora.repoint();
        tell("endpoint-repointed", next);
      });
    },
  });
  await bringBack(aurora, former, mode);
  tell("former-writer-back", former);
  await repointed;
  aurora.repoint();
  tell("completed", next);
  return events;
}

interface TakingDown {
  /** The former writer takes no more writes. */
  readonly begun: Promise<void>;
  /** Nobody is connected to it any more. */
  readonly ended: Promise<void>;
}

function takeDown(
  aurora: AuroraCluster,
  id: string,
  { mode, promotionMs }: { readonly mode: FailoverMode; readonly promotionMs: number },
): TakingDown {
  if (mode !== "planned") {
    const gone = takeAway(aurora, id, mode);
    return { begun: gone, ended: gone };
  }
  const begun = aurora.cluster.replication(id).setReadOnly(true);
  const noticeMs = Math.max(NOTICE_MS.least, Math.min(NOTICE_MS.most, promotionMs * NOTICE_SHARE));
  const ended = begun.then(() => disconnect(aurora, id, noticeMs));
  ended.catch(() => {}); // Whoever waits for the beginning is told first.
  return { begun, ended };
}

async function takeAway(aurora: AuroraCluster, id: string, mode: FailoverMode): Promise<void> {
  // Aurora's storage takes nothing from a writer that has been replaced; here its process ends, unseen.
  if (mode === "cut") {
    aurora.link(id).set({ dropped: true });
    await aurora.cluster.kill(id);
  } else await aurora.kill(id);
}

/** Lets nobody new in, and ends the others' connections when they had time to notice that the writer is none any more. */
async function disconnect(aurora: AuroraCluster, id: string, noticeMs: number): Promise<void> {
  const link = aurora.link(id);
  link.refuse();
  await pause(noticeMs);
  await untilIdle(aurora, id);
  link.reset();
}

/** Lets what runs on a writer end, for a while; it takes no writes any more. */
async function untilIdle(aurora: AuroraCluster, id: string): Promise<void> {
  const deadline = performance.now() + FINISH_MS;
  const sql =
    "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE USER <> 'system user' AND COMMAND IN ('Query', 'Execute') AND ID <> CONNECTION_ID()";
  await withLogin(aurora.cluster.server(id).login, async (connection) => {
    while (performance.now() < deadline) {
      const [row] = await rows(connection, sql);
      if (Number(row?.["n"]) === 0) return;
      await pause(FINISH_POLL_MS);
    }
  });
}

async function bringBack(aurora: AuroraCluster, id: string, mode: FailoverMode): Promise<void> {
  const link = aurora.link(id);
  if (mode !== "planned") await aurora.cluster.restart(id);
  if (mode === "cut") {
    link.heal();
    link.reset();
  }
  await link.accept();
}
