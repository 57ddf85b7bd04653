import { setTimeout as wait } from "node:timers/promises";
import type { Values } from "../case.ts";
import { type Context, withFresh } from "../context.ts";
import { residentBytes } from "../cpu.ts";
import type { IdleOptions } from "../idle.ts";
import { type Peer, pidsOf } from "../peers.ts";
import { serverConnections } from "../server.ts";

/** One source address has some 28,000 ports; generators stay far below and have an address each. */
const CLIENTS_PER_GENERATOR = 8_000;
const SETTLE_MS = 2_000;
const GONE_MS = 60_000;

export function measureIdle(context: Context, peer: Peer, tls: boolean): Promise<Values> {
  return withFresh(peer, (fresh) => measureFresh(context, fresh, tls));
}

async function measureFresh(context: Context, peer: Peer, tls: boolean): Promise<Values> {
  const { backend, idleClients } = context;
  const generators = Math.max(2, Math.ceil(idleClients / CLIENTS_PER_GENERATOR));
  const loads = await context.loads.get("idle.ts", generators);
  const connectionsBefore = await serverConnections(backend);
  await wait(SETTLE_MS);
  const proxyBefore = residentBytes(pidsOf(peer));
  const serverBefore = residentBytes([backend.pid]);
  try {
    await Promise.all(
      loads.map((load, index) =>
        load.call("open", {
          address: { ...peer.address, localAddress: `127.0.0.${10 + index}` },
          account: backend.account,
          clients: share(idleClients, generators, index),
          tls,
        } satisfies IdleOptions),
      ),
    );
    await wait(SETTLE_MS);
    const proxyAfter = residentBytes(pidsOf(peer));
    const grown = proxyAfter - proxyBefore;
    return {
      clients: idleClients,
      ...(peer.pid === null
        ? {}
        : {
            proxyKbPerClient: grown / 1e3 / idleClients,
            proxyMbBefore: proxyBefore / 1e6,
            proxyMbAfter: proxyAfter / 1e6,
          }),
      serverConnections: (await serverConnections(backend)) - connectionsBefore,
      serverMbGrown: (residentBytes([backend.pid]) - serverBefore) / 1e6,
    };
  } finally {
    await Promise.all(loads.map((load) => load.call("quit", null)));
    await untilGone(context, connectionsBefore);
  }
}

function share(total: number, parts: number, index: number): number {
  return Math.floor(total / parts) + (index < total % parts ? 1 : 0);
}

/** The next peer is to find the server without the clients of this one. */
async function untilGone(context: Context, connections: number): Promise<void> {
  const deadline = Date.now() + GONE_MS;
  const slack = context.pool;
  while ((await serverConnections(context.backend)) > connections + slack) {
    if (Date.now() > deadline) return;
    await wait(200);
  }
}
