import { NUMBERS } from "./lenenc-numbers.ts";

/** Fixed widths of binary protocol types; -1: a length-encoded string; -2: one length byte, then that many. */
const WIDTHS = new Map<number, number>([
  [0x01, 1],
  [0x02, 2],
  [0x0d, 2],
  [0x03, 4],
  [0x09, 4],
  [0x04, 4],
  [0x08, 8],
  [0x05, 8],
  [0x06, 0],
  [0x07, -2],
  [0x0a, -2],
  [0x0b, -2],
  [0x0c, -2],
]);

/**
 * Where the SQL text of a COM_QUERY begins under CLIENT_QUERY_ATTRIBUTES: behind the attributes' count, types, names and
 * values. `at` is the byte after the command byte. Returns -1 where the attributes do not fit into the packet.
 */
export function queryTextStart(bytes: Uint8Array, at: number, end: number): number {
  let next = NUMBERS.read(bytes, at, end);
  const count = NUMBERS.low;
  next = NUMBERS.read(bytes, next, end);
  if (next > end) return -1;
  if (count === 0) return next;
  if (count > 0xffff) return -1;
  const nulls = next;
  next += (count + 7) >> 3;
  if (next >= end || bytes[next] !== 1) return -1;
  return skipValues(bytes, nulls, next + 1, end, count);
}

function skipValues(
  bytes: Uint8Array,
  nulls: number,
  start: number,
  end: number,
  count: number,
): number {
  const types = new Uint8Array(count);
  let next = start;
  for (let i = 0; i < count; i++) {
    if (next + 2 > end) return -1;
    types[i] = bytes[next] as number;
    next = NUMBERS.read(bytes, next + 2, end) + NUMBERS.low;
    if (next > end) return -1;
  }
  for (let i = 0; i < count; i++) {
    if (((bytes[nulls + (i >> 3)] as number) >> (i & 7)) & 1) continue;
    const width = WIDTHS.get(types[i] as number) ?? -1;
    if (width >= 0) next += width;
    else if (width === -2) next += 1 + (bytes[next] ?? 0);
    else next = NUMBERS.read(bytes, next, end) + NUMBERS.low;
    if (next > end) return -1;
  }
  return next;
}
