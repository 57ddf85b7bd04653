import { expect, test } from "vitest";
import { type BenchOptions, parseOptions, UsageError } from "../../../bench/options.ts";

function options(...args: string[]): BenchOptions {
  const parsed = parseOptions(args);
  if (parsed === "help") throw new Error("asked for help");
  return parsed;
}

test("without options everything is measured in five rounds", () => {
  const { cases, rounds, threads, peers } = options();
  expect({ rounds, threads, peers }).toEqual({
    rounds: 5,
    threads: [1, 8, 64, 256],
    peers: ["direct", "haproxy", "sluice"],
  });
  expect(cases).toContain("point_select");
  expect(cases).toContain("slow_reader");
});

test("a star takes all cases that begin so", () => {
  expect(options("--cases", "storm*").cases).toEqual(["storm", "storm_tls", "storm_tls_resumed"]);
});

test("what is given wins over what --quick means", () => {
  const { rounds, seconds } = options("--quick", "--rounds", "3");
  expect({ rounds, seconds }).toEqual({ rounds: 3, seconds: 2 });
});

test("proxies started elsewhere join with address and process", () => {
  expect(options("--proxysql", "localhost:6033:77", "--router", "10.0.0.1:6446").given).toEqual([
    { name: "proxysql", address: { host: "127.0.0.1", port: 6033 }, pid: 77 },
    { name: "router", address: { host: "10.0.0.1", port: 6446 }, pid: null },
  ]);
});

test.each([
  [["--cases", "point"]],
  [["--threads", "0"]],
  [["--rounds", "many"]],
  [["--peers", "proxysql"]],
  [["--server", "127.0.0.1:3306"]],
  [["--proxysql", "6033"]],
  [["--unknown"]],
])("%j is refused", (args) => {
  expect(() => parseOptions(args)).toThrow(UsageError);
});
