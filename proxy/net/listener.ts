import { createServer, type Server, type Socket } from "node:net";
import { BOUNDS } from "../base/bounds.ts";
import { makeFault } from "../base/faults.ts";
import { encodeErr } from "../wire/err.ts";
import { framePacket } from "../wire/writer.ts";
import { ClientLogin } from "./client-login.ts";
import { ClientSession } from "./client-session.ts";
import type { Endpoint } from "./endpoint.ts";
import { type Link, type LinkOwner, plainAddress } from "./link.ts";
import { type RawHandle, rawBinding } from "./raw-binding.ts";
import { RawLink } from "./raw-link.ts";
import type { Service } from "./service.ts";
import { StreamLink } from "./stream-link.ts";

/** All clients read into this one buffer, one after the other. */
const CLIENT_BUFFER = new Uint8Array(BOUNDS.clientReadBytes);
const BACKLOG = 4_096;
/** Seconds of silence before the kernel asks whether a client still lives. */
const KEEP_ALIVE_SECONDS = 60;

interface RawServer {
  _handle: { onconnection: (this: unknown, status: number, handle: RawHandle | undefined) => void };
}

/** Accepts clients on one address. */
export class Listener {
  /** Where clients are from now on. */
  endpoint: Endpoint;
  readonly #service: Service;
  readonly #server: Server;

  constructor(service: Service, endpoint: Endpoint) {
    this.#service = service;
    this.endpoint = endpoint;
    this.#server = createServer(
      { allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
      (socket) => this.#acceptSocket(socket),
    );
  }

  /** Resolves to the port, once it listens. */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#server.on("error", (error) => this.#service.bug("listener", error, null));
    if (rawBinding !== null) this.#takeHandles();
    return (this.#server.address() as { port: number }).port;
  }

  /** Accepts nobody any more; those who are here stay. */
  close(): void {
    this.#server.close();
  }

  /** Connections reach us before Node builds a socket around them. */
  #takeHandles(): void {
    (this.#server as unknown as RawServer)._handle.onconnection = (status, handle) => {
      if (status === 0 && handle !== undefined) this.#acceptHandle(handle);
    };
  }

  #acceptHandle(handle: RawHandle): void {
    handle.setNoDelay(true);
    handle.setKeepAlive(true, KEEP_ALIVE_SECONDS);
    const link = new RawLink(handle, NOBODY, CLIENT_BUFFER, true);
    const peer: { address?: string; port?: number } = {};
    handle.getpeername(peer);
    link.remoteAddress = plainAddress(peer.address ?? "");
    link.remotePort = peer.port ?? 0;
    this.#admit(link);
  }

  #acceptSocket(socket: Socket): void {
    socket.setKeepAlive(true, KEEP_ALIVE_SECONDS * 1000);
    this.#admit(new StreamLink(socket, NOBODY, false));
  }

  #admit(link: Link): void {
    const service = this.#service;
    const { counters } = this.endpoint;
    counters.clientConnectionsReceived += 1;
    const refusal = service.refusal();
    if (refusal !== null) return this.#refuse(link, refusal.limit, refusal.value);
    const session = new ClientSession(service, this.endpoint, link);
    link.owner = session;
    service.sessions.set(session.id, session);
    counters.clientConnections += 1;
    counters.clientConnectionsInSetup += 1;
    counters.clientConnectionsNoTLS += 1;
    service.events.emit({
      kind: "client-connected",
      at: service.epochMs(),
      endpoint: this.endpoint.name,
      session: session.id,
      clientAddress: session.clientAddress,
    });
    service.whenKnown(() => {
      if (session.isClosed) return;
      session.login = ClientLogin.greet(session);
      link.resume();
    });
  }

  #refuse(link: Link, limit: "connections" | "connection-rate", value: number): void {
    const service = this.#service;
    this.endpoint.counters.clientConnectionsRefused += 1;
    const name = limit === "connections" ? "connectionsExceeded" : "connectionsRateExceeded";
    // Before the capabilities are known an error has no SQLSTATE: clients would show it as part of the text.
    const fault = { ...makeFault(name, { limit: value }), sqlState: "" };
    const packet = framePacket(encodeErr(fault), 0);
    link.write(packet, 0, packet.length);
    link.end();
    service.events.emit({
      kind: "client-refused",
      at: service.epochMs(),
      endpoint: this.endpoint.name,
      clientAddress: `${link.remoteAddress}:${link.remotePort}`,
      limit,
      value,
    });
  }
}

/** For a link whose session is still to be made, or never will be. */
const NOBODY: LinkOwner = {
  onBytes() {},
  onEnd() {},
  onDrained() {},
  onClosed() {},
};
