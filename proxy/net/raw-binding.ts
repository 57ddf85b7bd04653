/**
 * The one place that touches Node's internal TCP handles. Reading into reused memory and writing by the handle saves the
 * streams layer's objects on every read and write (docs/decisions/0001-raw-handles.md). Where the binding is missing or
 * `SLUICE_SOCKETS=streams` is set, everything runs on documented `net.Socket`s instead; a test runs both.
 */

/** A TCP handle as `tcp_wrap` makes it; only what we use. */
export interface RawHandle {
  onread: ((this: RawHandle, buffer: ArrayBuffer | undefined) => Uint8Array | undefined) | null;
  /** Ours: whom the handle belongs to. */
  sluiceLink: unknown;
  /** Ours: memory that the handle may still read into after its link has let go of it. */
  sluiceBuffer?: Uint8Array;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: RawWrite, buffer: Uint8Array): number;
  shutdown(request: RawShutdown): number;
  close(done?: () => void): void;
  reset?(done?: () => void): number;
  setNoDelay(on: boolean): number;
  setKeepAlive(on: boolean, seconds: number): number;
  getpeername(out: { address?: string; port?: number; family?: string }): number;
  getsockname(out: { address?: string; port?: number; family?: string }): number;
  connect(request: RawConnect, address: string, port: number): number;
  connect6(request: RawConnect, address: string, port: number): number;
  ref(): void;
  unref(): void;
}

export interface RawWrite {
  handle: RawHandle | null;
  buffer: Uint8Array | null;
  oncomplete: ((this: RawWrite, status: number) => void) | null;
}

export interface RawShutdown {
  handle: RawHandle | null;
  oncomplete: ((this: RawShutdown, status: number) => void) | null;
}

export interface RawConnect {
  oncomplete: ((this: RawConnect, status: number) => void) | null;
}

export interface RawBinding {
  readonly TCP: new (type: number) => RawHandle;
  readonly TCPConnectWrap: new () => RawConnect;
  readonly WriteWrap: new () => RawWrite;
  readonly ShutdownWrap: new () => RawShutdown;
  /** Index into {@link state} of the byte count, or negative errno, of the read being delivered. */
  readonly readResult: number;
  /** Index of the flag that the last write did not finish at once. */
  readonly lastWriteWasAsync: number;
  readonly state: Int32Array;
  readonly socketType: number;
}

type ProcessBinding = (name: string) => Record<string, unknown>;

function loadBinding(): RawBinding | null {
  if (process.env["SLUICE_SOCKETS"] === "streams") return null;
  const binding = (process as unknown as { binding?: ProcessBinding }).binding;
  if (typeof binding !== "function") return null;
  try {
    const tcp = binding.call(process, "tcp_wrap");
    const stream = binding.call(process, "stream_wrap");
    const constants = tcp["constants"] as { SOCKET: number };
    const found = {
      TCP: tcp["TCP"],
      TCPConnectWrap: tcp["TCPConnectWrap"],
      WriteWrap: stream["WriteWrap"],
      ShutdownWrap: stream["ShutdownWrap"],
      readResult: stream["kReadBytesOrError"],
      lastWriteWasAsync: stream["kLastWriteWasAsync"],
      state: stream["streamBaseState"],
      socketType: constants.SOCKET,
    };
    return Object.values(found).every((value) => value !== undefined)
      ? (found as RawBinding)
      : null;
  } catch {
    return null;
  }
}

/** The binding, or null where this Node does not offer it. */
export const rawBinding: RawBinding | null = loadBinding();
