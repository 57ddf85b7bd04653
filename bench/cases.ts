import type { Case, Column, PeerCase } from "./case.ts";
import { measureIdle } from "./measure/idle.ts";
import { measureLarge, measureSlowReader } from "./measure/large.ts";
import { measureLatency, measureLatencyAwake } from "./measure/latency.ts";
import { measureStorm } from "./measure/storms.ts";
import { measureThroughput } from "./measure/throughput.ts";

const THROUGHPUT: readonly Column[] = [
  { key: "qps", title: "queries/s", digits: 0, ratioTo: ["direct", "haproxy"] },
  { key: "proxyUs", title: "proxy µs/query", digits: 1, ratioTo: ["haproxy"] },
  { key: "proxyUserUs", title: "of it user", digits: 1 },
  { key: "serverUs", title: "server µs/query", digits: 1 },
  { key: "p50Ms", title: "p50 ms", digits: 2 },
  { key: "p95Ms", title: "p95 ms", digits: 2 },
  { key: "p99Ms", title: "p99 ms", digits: 2 },
  { key: "proxyMb", title: "proxy RSS MB", digits: 0 },
];

const STORM: readonly Column[] = [
  { key: "rate", title: "connections/s", digits: 0, ratioTo: ["direct", "haproxy"] },
  { key: "proxyUs", title: "proxy µs/connection", digits: 0, ratioTo: ["haproxy"] },
  { key: "serverUs", title: "server µs/connection", digits: 0 },
  { key: "p50Ms", title: "p50 ms", digits: 1 },
  { key: "p95Ms", title: "p95 ms", digits: 1 },
  { key: "generatorUs", title: "generator µs/connection", digits: 0 },
  { key: "failures", title: "failed", digits: 0 },
];

const TLS_STORM: readonly Column[] = [
  ...STORM,
  { key: "resumedPercent", title: "resumed %", digits: 0 },
];

const IDLE: readonly Column[] = [
  { key: "proxyKbPerClient", title: "proxy kB/client", digits: 1, ratioTo: ["haproxy"] },
  { key: "proxyMbBefore", title: "proxy MB before", digits: 0 },
  { key: "proxyMbAfter", title: "proxy MB with clients", digits: 0 },
  { key: "serverConnections", title: "server connections", digits: 0 },
  { key: "serverMbGrown", title: "server MB grown", digits: 0 },
  { key: "clients", title: "clients", digits: 0 },
];

const LATENCY: readonly Column[] = [
  { key: "p50Us", title: "p50 µs", digits: 1, ratioTo: ["haproxy"] },
  { key: "p99Us", title: "p99 µs", digits: 1, ratioTo: ["haproxy"] },
  { key: "addedP50Us", title: "added p50 µs", digits: 1 },
  { key: "addedP99Us", title: "added p99 µs", digits: 1 },
  { key: "queries", title: "queries/round", digits: 0 },
];

const POINTS_BESIDE: readonly Column[] = [
  { key: "growthMb", title: "proxy RSS growth MB", digits: 1 },
  { key: "aloneP50Us", title: "point p50 µs alone", digits: 0 },
  { key: "besideP50Us", title: "beside it", digits: 0 },
  { key: "aloneP99Us", title: "point p99 µs alone", digits: 0 },
  { key: "besideP99Us", title: "beside it", digits: 0 },
  { key: "besideMaxMs", title: "worst ms", digits: 1 },
];

function throughput(name: string, title: string, script: string, prepared: boolean): PeerCase {
  return {
    name,
    title,
    columns: THROUGHPUT,
    threaded: true,
    measure: (context, peer, threads) =>
      measureThroughput(context, peer, { script, prepared, threads }),
  };
}

function storm(name: string, title: string, tls: "none" | "new" | "resumed"): PeerCase {
  return {
    name,
    title,
    columns: tls === "none" ? STORM : TLS_STORM,
    threaded: false,
    measure: (context, peer) => measureStorm(context, peer, tls),
  };
}

function idle(name: string, title: string, tls: boolean): PeerCase {
  return {
    name,
    title,
    columns: IDLE,
    threaded: false,
    measure: (context, peer) => measureIdle(context, peer, tls),
  };
}

export const CASES: readonly Case[] = [
  throughput("point_select", "Point selects, text", "oltp_point_select", false),
  throughput("point_select_prepared", "Point selects, prepared", "oltp_point_select", true),
  throughput("read_only", "Read-only transactions, text", "oltp_read_only", false),
  throughput("read_write", "Read-write transactions, text", "oltp_read_write", false),
  storm("storm", "Connect, log in, SELECT 1, quit; 16 at once", "none"),
  storm("storm_tls", "The same inside TLS, new sessions", "new"),
  storm("storm_tls_resumed", "The same inside TLS, resumed sessions", "resumed"),
  idle("idle", "Idle clients, one query each, fresh proxy", false),
  idle("idle_tls", "Idle TLS clients, one query each, fresh proxy", true),
  {
    name: "latency",
    title: "Latency of one client",
    columns: LATENCY,
    threaded: false,
    measureAll: measureLatency,
  },
  {
    name: "latency_awake",
    title: "Latency of one client, processors kept from sleeping",
    columns: LATENCY,
    threaded: false,
    measureAll: measureLatencyAwake,
  },
  {
    name: "large",
    title: "A large result beside point queries, fresh proxy",
    columns: [
      { key: "mibPerSecond", title: "MiB/s", digits: 0, ratioTo: ["direct", "haproxy"] },
      { key: "proxyUsPerMib", title: "proxy µs/MiB", digits: 0, ratioTo: ["haproxy"] },
      { key: "besideMibPerSecond", title: "MiB/s beside points", digits: 0 },
      ...POINTS_BESIDE,
    ],
    threaded: false,
    measure: measureLarge,
  },
  {
    name: "slow_reader",
    title: "The large result read at 1 MiB/s beside point queries, fresh proxy",
    columns: [{ key: "mibRead", title: "MiB read", digits: 1 }, ...POINTS_BESIDE],
    threaded: false,
    measure: measureSlowReader,
  },
];
