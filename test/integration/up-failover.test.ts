import { afterEach, describe, expect, test } from "vitest";
import { ENGINES } from "../../local/engine.ts";
import { rehearse, secondsOf } from "../support/rehearsals.ts";
import { until } from "../support/until.ts";
import { type UpDocument, UpProcess } from "../support/up-process.ts";

const TEST_MS = 300_000;
const DARK_SECONDS = 2;

const started: UpProcess[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((up) => up.discard()));
});

/** The value of the metric's only series with these labels; null where there is none. */
async function metric(
  { adminUrl }: UpDocument,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<number | null> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const found = text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`))
    .filter((line) =>
      Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)),
    );
  if (found.length > 1) throw new Error(`several series: ${found.join()}`);
  return found.length === 0 ? null : Number(found[0]?.split(" ").at(-1));
}

/** Reads the proxy's events until told to stop. */
async function collectEvents(
  { adminUrl }: UpDocument,
  signal: AbortSignal,
  into: Record<string, unknown>[],
): Promise<void> {
  const response = await fetch(`${adminUrl}/api/v1/events`, { signal });
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      for (let at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n")) {
        const data = /^data: (.*)$/m.exec(text.slice(0, at))?.[1];
        if (data !== undefined) into.push(JSON.parse(data));
        text = text.slice(at + 2);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function hit({ webhookUrl }: UpDocument): Promise<number> {
  const response = await fetch(new URL("/during", webhookUrl));
  await response.text();
  return response.status;
}

describe.each(ENGINES)("a failover of up's cluster on %s", (engine) => {
  test.each(["planned", "crash"])(
    "that is %s is seen in events and metrics, and the webhook goes on",
    async (mode) => {
      const up = new UpProcess(["--json", "--no-console", "--engine", engine]);
      started.push(up);
      const document = await up.ready();
      const events: Record<string, unknown>[] = [];
      const end = new AbortController();
      const reading = collectEvents(document, end.signal, events).catch((error) => error);
      const statuses: number[] = [];
      let over = false;
      const hits = async () => {
        while (!over) statuses.push(await hit(document));
      };
      const available = (role: string) =>
        metric(document, "sluice_availability_percentage", { target_role: role });
      const limit = (target: string, role: string) =>
        metric(document, "sluice_max_database_connections_allowed", { target, target_role: role });
      await until(async () => (await available("READ_WRITE")) === 100);
      const visiting = hits();
      const args = ["--mode", mode, "--promotion-seconds", String(DARK_SECONDS), "--seconds", "8"];
      const rehearsal = await rehearse(up.folder, ...args);
      const { failed, errors, check, proxyCounts } = rehearsal;
      over = true;
      await visiting;

      expect(check).toMatchObject({ missing: [], doubled: [] });
      expect(proxyCounts?.waited).toBeGreaterThan(0);
      if (mode === "planned") {
        // Open transactions end with the old writer; nothing else does.
        expect(Object.keys(errors).filter((words) => !words.startsWith("transaction:"))).toEqual(
          [],
        );
        expect(proxyCounts?.failed).toBe(failed);
      }
      const at = (event: string) => secondsOf(rehearsal, event);
      expect(at("new writer verified")).toBeGreaterThanOrEqual(at("new writer accepts writes"));
      expect(at("routing changed")).toBeGreaterThanOrEqual(at("new writer verified"));

      // Hits that waited were answered; a crash may have cost those that were being written.
      const good = statuses.filter((status) => status === 200).length;
      expect(good).toBeGreaterThan(2);
      if (mode === "planned") expect(good).toBe(statuses.length);
      expect(await hit(document)).toBe(200);

      const moves = events.filter(({ kind }) => kind === "writer-changed");
      expect(moves.at(-1)).toMatchObject({ from: "local-1", to: "local-2" });
      expect(moves.at(-1)?.["withoutMs"]).toBeGreaterThan(DARK_SECONDS * 500);
      const roles = events.filter(
        ({ kind, target }) => kind === "target-changed" && target === "local-2",
      );
      expect(roles.at(-1)).toMatchObject({ after: { role: "READ_WRITE", state: "AVAILABLE" } });

      // Dark for two seconds of at most a minute: neither nothing nor all of it.
      const share = (await available("READ_WRITE")) ?? 0;
      expect(share).toBeGreaterThan(10);
      expect(share).toBeLessThan(100 - (100 * (DARK_SECONDS * 0.5)) / 60);
      await until(async () => ((await limit("local-2", "READ_WRITE")) ?? 0) > 0);
      await until(async () => ((await limit("local-1", "READ_ONLY")) ?? 0) > 0);
      await until(async () => ((await limit("local-1", "READ_WRITE")) ?? 0) === 0);
      await until(async () => ((await limit("local-2", "READ_ONLY")) ?? 0) === 0);
      end.abort();
      expect(await reading).toBeUndefined();
    },
    TEST_MS,
  );
});
