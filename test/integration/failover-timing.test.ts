import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RehearsalProxy, startRehearsalProxy } from "../../bin/failover/rehearsal-proxy.ts";
import {
  type AuroraCluster,
  checkLoad,
  describeAurora,
  ENGINES,
  type FailoverMode,
  failOver,
  Load,
  startAuroraCluster,
} from "../../local/index.ts";
import { until } from "../support/until.ts";

/** Rounds of each kind; many of them: `npm run test:failover`. */
const ROUNDS = Number(process.env["SLUICE_FAILOVER_ROUNDS"] ?? "1");
/** With this many rounds the times count, too. */
const ROUNDS_TIMED = 10;
/**
 * In milliseconds. On a quiet machine half of the rounds take less than 150 and none more than 400; these bounds leave room for one that
 * does much else, and none for a proxy that finds the writer at its next poll.
 */
const MIDDLE_MS = 450;
const WORST_MS = 1_500;
/** Connections of the load: each has one statement under way at most. */
const CONNECTIONS = 24;
const ROUND_MS = 120_000;

interface Round {
  readonly errors: readonly string[];
  readonly missing: number;
  readonly doubled: number;
  /** From the new writer's first moment to the first answered write, in milliseconds. */
  readonly gapMs: number;
}

describe.each(ENGINES)("failovers of %s under single statements", (engine) => {
  let aurora: AuroraCluster;
  let proxy: RehearsalProxy;

  beforeAll(async () => {
    aurora = await startAuroraCluster({ engine });
    proxy = await startRehearsalProxy(describeAurora(aurora), new AbortController().signal);
  });

  afterAll(async () => {
    await proxy?.stop();
    await aurora?.stop();
  });

  async function round(mode: FailoverMode): Promise<Round> {
    const { login } = describeAurora(aurora);
    const { host, port } = proxy;
    const load = await Load.start({ login: { ...login, host, port }, transactions: false });
    const more = async (count: number, what: string) => {
      const wanted = load.answered.size + count;
      await until(() => load.answered.size >= wanted, { what, deadlineMs: 60_000 });
    };
    await more(100, "a hundred writes");
    const steps = await failOver(aurora, { mode, promotionSeconds: 0.5, dnsSeconds: 0 });
    await more(100, "a hundred writes more");
    await load.stop();
    const accepts = steps.find(({ step }) => step === "writer-accepts-writes")?.at ?? 0;
    const writes = load.requests.filter(({ kind, error }) => kind === "write" && error === null);
    const ends = writes.map(({ at, ms }) => at + ms).filter((end) => end >= accepts);
    const writer = aurora.writer;
    const check = await checkLoad(load, { ...login, host: writer.host, port: writer.port });
    return {
      errors: load.requests.flatMap(({ error }) => error ?? []),
      missing: check.missing.length,
      doubled: check.doubled.length,
      gapMs: Math.min(...ends) - accepts,
    };
  }

  test.each(["planned", "crash", "cut"] as const)(
    "%s: nothing answered is lost or done twice, and writes go on soon",
    async (mode) => {
      const rounds: Round[] = [];
      for (let i = 0; i < ROUNDS; i += 1) rounds.push(await round(mode));
      const gaps = rounds.map(({ gapMs }) => gapMs).sort((a, b) => a - b);
      const [middle, worst] = [gaps[Math.floor(gaps.length / 2)] ?? 0, gaps.at(-1) ?? 0];
      const failed = rounds.map(({ errors }) => errors.length);
      process.stdout.write(
        `${engine}, ${mode}, ${ROUNDS} rounds: failed ${failed.join(" ")}; first write after ${gaps.map(Math.round).join(" ")} ms, p50 ${Math.round(middle)}, worst ${Math.round(worst)}\n`,
      );
      for (const { errors, missing, doubled } of rounds) {
        expect([missing, doubled]).toEqual([0, 0]);
        expect(errors.length).toBeLessThanOrEqual(mode === "planned" ? 0 : CONNECTIONS);
        for (const error of errors) expect(error).toMatch(/PROTOCOL_CONNECTION_LOST|ECONNRESET/);
      }
      if (ROUNDS < ROUNDS_TIMED) return;
      expect(middle).toBeLessThanOrEqual(MIDDLE_MS);
      expect(worst).toBeLessThanOrEqual(WORST_MS);
    },
    ROUND_MS * ROUNDS,
  );
});
