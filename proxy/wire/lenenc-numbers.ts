/** Reads length-encoded integers as two 32-bit halves, without making an object or a bigint. */
class LengthEncodedNumbers {
  low = 0;
  high = 0;

  /** Returns the position after the number; past `limit` where it does not fit. */
  read(bytes: Uint8Array, at: number, limit: number): number {
    const first = at < limit ? (bytes[at] as number) : 0xff;
    this.high = 0;
    this.low = first;
    if (first < 0xfb) return at + 1;
    const width = first === 0xfc ? 2 : first === 0xfd ? 3 : first === 0xfe ? 8 : 99;
    if (at + 1 + width > limit) return limit + 1;
    this.low = little(bytes, at + 1, Math.min(width, 4));
    if (width === 8) this.high = little(bytes, at + 5, 4);
    return at + 1 + width;
  }
}

/** One reader for all: its fields are valid until the next call. */
export const NUMBERS = new LengthEncodedNumbers();

function little(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = width - 1; i >= 0; i--) value = value * 256 + (bytes[at + i] as number);
  return value;
}
