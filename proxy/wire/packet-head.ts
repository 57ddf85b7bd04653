/** Length of the payload whose header is at `at`, which must be in hand. */
export function payloadLength(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
  );
}

/** Whether the header at `start`, and `headBytes` of its payload or all of it, lie before `end`. */
export function headInHand(
  bytes: Uint8Array,
  start: number,
  end: number,
  headBytes: number,
): boolean {
  const size = end - start;
  return size >= 4 && size >= 4 + Math.min(headBytes, payloadLength(bytes, start));
}
