/** A part of a list, and where the next one begins. */
export interface Page<T> {
  readonly items: T[];
  /** Absent on the last page. */
  readonly next: string | undefined;
}

/** Cuts a list for clients that ask for it piece by piece; null where the marker is none of ours. */
export function pageOf<T>(
  items: readonly T[],
  { marker, size }: { readonly marker: string | undefined; readonly size: number },
): Page<T> | null {
  const start = marker === undefined || marker === "" ? 0 : decodeMarker(marker);
  if (start === null || start > items.length) return null;
  const end = start + size;
  return {
    items: items.slice(start, end),
    next: end < items.length ? encodeMarker(end) : undefined,
  };
}

function encodeMarker(position: number): string {
  return Buffer.from(`at:${position}`).toString("base64url");
}

function decodeMarker(marker: string): number | null {
  const match = /^at:(\d{1,9})$/.exec(Buffer.from(marker, "base64url").toString());
  return match === null ? null : Number(match[1]);
}
