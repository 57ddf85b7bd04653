/**
 * Loaded before the program of a part of a template: gives it the names that it would find in its network's DNS. The program itself is the
 * one that ships. Its own file in `dist`.
 */
import dns, { type LookupAddress, type LookupOptions } from "node:dns";
import { syncBuiltinESMExports } from "node:module";

type Callback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

const names = JSON.parse(process.env["SLUICE_LOCAL_NAMES"] ?? "{}") as Record<string, string>;
const original = dns.lookup as (name: string, options: LookupOptions, callback: Callback) => void;

function lookup(name: string, given: LookupOptions | Callback | number, last?: Callback): void {
  const callback = typeof given === "function" ? given : last!;
  const options =
    typeof given === "object" ? given : typeof given === "number" ? { family: given } : {};
  const address = names[name.toLowerCase()];
  if (address === undefined) original(name, options, callback);
  else if (options.all === true) process.nextTick(callback, null, [{ address, family: 4 }]);
  else process.nextTick(callback, null, address, 4);
}

dns.lookup = lookup as typeof dns.lookup;
syncBuiltinESMExports();
