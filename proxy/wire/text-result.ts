import { NUMBERS } from "./lenenc-numbers.ts";

/** One row of a statement of our own: each column's bytes as UTF-8 text, or null. */
export type TextRow = readonly (string | null)[];

/**
 * Reads the rows of one text result set, given whole. Only for the proxy's own small statements: clients' results are never
 * parsed. Returns null where the bytes are no result set.
 */
export function decodeTextRows(bytes: Uint8Array, deprecateEof: boolean): TextRow[] | null {
  const payloads = splitPackets(bytes);
  const first = payloads[0];
  if (first === undefined || first.length === 0) return null;
  const head = first[0] as number;
  if (head === 0 || head >= 0xfb) return null;
  const rows: TextRow[] = [];
  for (let i = 1 + head + (deprecateEof ? 0 : 1); i < payloads.length; i++) {
    const payload = payloads[i] as Uint8Array;
    const marker = payload[0] ?? 0xff;
    if (marker === 0xff || (marker === 0xfe && payload.length < 0xffffff)) break;
    rows.push(decodeRow(payload, head));
  }
  return rows;
}

function splitPackets(bytes: Uint8Array): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const length =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    payloads.push(bytes.subarray(at + 4, Math.min(at + 4 + length, bytes.length)));
    at += 4 + length;
  }
  return payloads;
}

function decodeRow(payload: Uint8Array, columns: number): TextRow {
  const row: (string | null)[] = [];
  let at = 0;
  while (row.length < columns && at < payload.length) {
    if (payload[at] === 0xfb) {
      row.push(null);
      at += 1;
      continue;
    }
    const from = Math.min(NUMBERS.read(payload, at, payload.length), payload.length);
    const to = Math.min(from + NUMBERS.low, payload.length);
    row.push(Buffer.from(payload.buffer, payload.byteOffset + from, to - from).toString("utf8"));
    at = to;
  }
  return row;
}
