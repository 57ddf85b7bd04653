/**
 * A link is one connected byte stream: a plain socket by its raw handle, or a TLS or plain `net.Socket`. The owner is told
 * of bytes in memory that is valid during the call only, and decides itself what it copies.
 */
export interface LinkOwner {
  /** `bytes[0, end)` were read. Valid until the call returns, unless {@link Link.surrenderBuffer} was called. */
  onBytes(bytes: Uint8Array, end: number): void;
  /** The peer sent FIN: no more bytes will come, but it may still read. */
  onEnd(): void;
  /** Every write accepted so far has left for the kernel. Follows each {@link WriteResult} but DONE. */
  onDrained(): void;
  /** The link is gone, by our wish or not. Called exactly once, never from within a call of the owner. */
  onClosed(error: Error | null): void;
}

/** What became of a write. */
export const WriteResult = {
  /** All bytes are with the kernel; the memory may be reused. */
  DONE: 0,
  /** The bytes were copied and wait; the memory may be reused. `onDrained` follows. */
  QUEUED: 1,
  /** The kernel has not taken everything and the link refers to the memory until `onDrained`. */
  HELD: 2,
} as const;
export type WriteResult = (typeof WriteResult)[keyof typeof WriteResult];

/** Milliseconds a peer may take to read what is pending at the end. */
export const FLUSH_MS = 30_000;
/** Milliseconds a peer may take to answer our FIN with its own. */
export const LINGER_MS = 1_000;

export interface Link {
  owner: LinkOwner;
  readonly encrypted: boolean;
  /** Peer address, as text. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Our own end, as `address:port`. */
  readonly localName: string;
  /** Bytes accepted and not yet with the kernel. */
  readonly pendingBytes: number;
  write(bytes: Uint8Array, start: number, end: number): WriteResult;
  /** The memory of the read being delivered now is in use elsewhere: do not read into it again. */
  surrenderBuffer(): void;
  pause(): void;
  resume(): void;
  /** Sends what is pending, then FIN, then closes. */
  end(): void;
  /** Closes at once; pending writes are lost. */
  destroy(): void;
}

/** A socket that listens on `::` shows IPv4 peers in IPv6 form; servers name them as they are. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
