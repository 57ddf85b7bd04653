import type { Engine } from "./engine.ts";
import { type Replication, sequenceOf } from "./replication.ts";

/** What is needed to know of a cluster to find who succeeds its writer. */
export interface Succession {
  readonly engine: Engine;
  readonly writer: { readonly id: string };
  readonly readers: readonly { readonly id: string; readonly pid: number }[];
  replication(id: string): Replication;
  follow(id: string, source: string): Promise<void>;
}

const CATCH_UP_MS = 60_000;

/**
 * Gives a reader everything that any reader has of a dead writer. An answered commit is with one reader at least, but not
 * necessarily with this one.
 */
export async function catchUpWithoutWriter(cluster: Succession, id: string): Promise<void> {
  const running = cluster.readers.filter(({ pid }) => pid !== 0).map((reader) => reader.id);
  if (!running.includes(id)) throw new Error(`${id} does not run`);
  const stands = await Promise.all(
    running.map(async (reader) => ({
      reader,
      position: await cluster.replication(reader).drain(CATCH_UP_MS),
    })),
  );
  const next = cluster.replication(id);
  for (const { reader, position } of stands) {
    if (reader === id || (await next.has(position))) continue;
    await cluster.follow(id, reader);
    if (!(await next.awaitPosition(position, CATCH_UP_MS))) {
      throw new Error(`${id} did not get what ${reader} has within ${CATCH_UP_MS / 1000} s`);
    }
  }
}

/** Whether a server has transactions that the writer has not: it was the writer, and was cut off in the middle of them. */
export async function isDiverged(
  cluster: Succession,
  id: string,
  leftAt: string | undefined,
): Promise<boolean> {
  const position = await cluster.replication(id).position();
  if (cluster.engine === "mysql")
    return !(await cluster.replication(cluster.writer.id).has(position));
  // MariaDB's numbers go on with the next writer: what counts is where that one began.
  return leftAt !== undefined && sequenceOf(position) > sequenceOf(leftAt);
}
