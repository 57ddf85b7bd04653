import { lookup } from "node:dns";
import { connect, isIP, isIPv6, Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { getSystemErrorName } from "node:util";
import type { Link, LinkOwner } from "./link.ts";
import { type RawBinding, type RawConnect, rawBinding } from "./raw-binding.ts";
import { RawLink } from "./raw-link.ts";
import { StreamLink } from "./stream-link.ts";

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly owner: LinkOwner;
  /** Size of the link's own read buffer, in bytes. */
  readonly readBytes: number;
}

/**
 * Opens a plain connection. `done` is called once, with a paused link or with an error; the returned function gives the attempt up, after
 * which `done` is not called any more.
 */
export function dial(
  options: DialOptions,
  done: (error: Error | null, link: Link | null) => void,
): () => void {
  const attempt = { over: false, abort: () => {} };
  const finish = (error: Error | null, link: Link | null): void => {
    if (attempt.over) link?.destroy();
    else {
      attempt.over = true;
      done(error, link);
    }
  };
  if (rawBinding === null) attempt.abort = dialSocket(options, finish);
  else if (isIP(options.host) !== 0)
    attempt.abort = dialRaw(rawBinding, options.host, options, finish);
  else {
    lookup(options.host, (error, address) => {
      if (attempt.over) return;
      if (error !== null) finish(error, null);
      else attempt.abort = dialRaw(rawBinding as RawBinding, address, options, finish);
    });
  }
  return () => {
    if (attempt.over) return;
    attempt.over = true;
    attempt.abort();
  };
}

type Finish = (error: Error | null, link: Link | null) => void;

/** Returns what ends the attempt before it has succeeded or failed. */
function dialRaw(
  binding: RawBinding,
  address: string,
  options: DialOptions,
  finish: Finish,
): () => void {
  const handle = new binding.TCP(binding.socketType);
  const request: RawConnect = new binding.TCPConnectWrap();
  let aborted = false;
  const fail = (status: number): void => {
    if (aborted) return;
    handle.close();
    const code = getSystemErrorName(status);
    const message = `connect ${code} ${address}:${options.port}`;
    finish(Object.assign(new Error(message), { code, syscall: "connect" }), null);
  };
  request.oncomplete = (status) => {
    if (aborted) return;
    if (status < 0) return fail(status);
    handle.setNoDelay(true);
    handle.setKeepAlive(true, KEEP_ALIVE_SECONDS);
    const link = new RawLink(handle, options.owner, new Uint8Array(options.readBytes), false);
    link.remoteAddress = address;
    link.remotePort = options.port;
    finish(null, link);
  };
  const status = isIPv6(address)
    ? handle.connect6(request, address, options.port)
    : handle.connect(request, address, options.port);
  if (status < 0) process.nextTick(fail, status);
  return () => {
    aborted = true;
    handle.close();
  };
}

/** Seconds of silence before the kernel asks whether the peer still lives. */
const KEEP_ALIVE_SECONDS = 30;

function dialSocket(options: DialOptions, finish: Finish): () => void {
  const socket = connect({
    host: options.host,
    port: options.port,
    allowHalfOpen: true,
    noDelay: true,
  });
  const onError = (error: Error): void => finish(error, null);
  socket.once("error", onError);
  socket.once("connect", () => {
    socket.off("error", onError);
    socket.setKeepAlive(true, KEEP_ALIVE_SECONDS * 1000);
    finish(null, new StreamLink(socket, options.owner, false));
  });
  return () => socket.destroy();
}

/** A plain link's connection as a `net.Socket`, for TLS to be laid over. The link is dead afterwards. */
export function socketOf(link: Link): Socket {
  if (link instanceof RawLink) {
    const handle = link.detach();
    // Nothing may be read before TLS is in between: reads would go to the link's memory, where nobody looks.
    const socket = new Socket({
      handle,
      allowHalfOpen: true,
      manualStart: true,
    } as unknown as ConstructorParameters<typeof Socket>[0]);
    return socket.on("error", () => {});
  }
  return (link as StreamLink).detach();
}

/**
 * Client side of a TLS upgrade on a connection whose server has said that it will follow. `done` is called once; the returned function
 * gives the handshake up, after which `done` is not called any more.
 */
export function upgradeToTls(
  link: Link,
  owner: LinkOwner,
  options: ConnectionOptions,
  done: (error: Error | null, link: Link | null) => void,
): () => void {
  const socket = connectTls({ ...options, socket: socketOf(link) });
  const forget = (): void => {
    socket.off("error", fail).off("close", closed).off("secureConnect", secured);
  };
  const giveUp = (): void => {
    forget();
    socket.on("error", () => {});
    socket.destroy();
  };
  const fail = (error: Error): void => {
    giveUp();
    done(error, null);
  };
  const closed = (): void =>
    fail(new Error("the server closed the connection during the TLS handshake"));
  const secured = (): void => {
    forget();
    done(null, new StreamLink(socket, owner, true));
  };
  socket.once("error", fail);
  socket.once("close", closed);
  socket.once("secureConnect", secured);
  return giveUp;
}
