import { BackendLogin } from "../auth/client-exchange.ts";
import { BOUNDS } from "../base/bounds.ts";
import { encodeChangeUser } from "../wire/change-user.ts";
import { encodeAttributes } from "../wire/login.ts";
import { framePacket } from "../wire/writer.ts";
import type { Backend } from "./backend.ts";
import type { Link, LinkOwner } from "./link.ts";
import type { Service } from "./service.ts";

/** What a server has said of its login in the greeting. */
export interface Challenge {
  readonly nonce: Buffer;
  readonly plugin: string;
}

/** Called once, unless the backend was lost: true if its session is a new one. */
type ReloginDone = (succeeded: boolean) => void;

const ATTRIBUTES = encodeAttributes([["_client_name", "sluice"]]);

/**
 * Begins a new session on a backend, as the same user and in no schema (COM_CHANGE_USER): nothing else leads from a schema to none
 * without a new connection.
 */
export function relogin(service: Service, backend: Backend, done: ReloginDone): void {
  const account = service.accounts.find(backend.key.userKey);
  const { challenge } = backend;
  if (account === null || challenge === null) return done(false);
  const exchange = new BackendLogin({
    ...challenge,
    password: account.password,
    secure: backend.encrypted,
    publicKey: null,
    mayAskForPublicKey: true,
  });
  backend.loginCollation = service.charsetOf(backend.key);
  const first = exchange.first();
  const request = encodeChangeUser(
    {
      user: account.username,
      authResponse: first.authResponse,
      schema: "",
      charset: backend.loginCollation,
      plugin: first.plugin,
      attributes: ATTRIBUTES,
    },
    backend.capabilities,
  );
  const owner = new Relogin(backend, exchange, done);
  owner.begin(backend.lendLink(owner, service.monotonicMs() + BOUNDS.backendLoginMs), request);
}

class Relogin implements LinkOwner {
  readonly #backend: Backend;
  readonly #exchange: BackendLogin;
  readonly #done: ReloginDone;
  #link: Link | null = null;
  #received: Buffer = Buffer.alloc(0);
  #over = false;

  constructor(backend: Backend, exchange: BackendLogin, done: ReloginDone) {
    this.#backend = backend;
    this.#exchange = exchange;
    this.#done = done;
  }

  begin(link: Link, request: Buffer): void {
    this.#link = link;
    this.#send(request, 0);
  }

  onBytes(bytes: Uint8Array, end: number): void {
    try {
      this.#packets(bytes, end);
    } catch (error) {
      this.#backend.owner.bug("relogin", error, null);
      this.#backend.fail("a defect of the proxy");
    }
  }

  #packets(bytes: Uint8Array, end: number): void {
    this.#received = Buffer.concat([this.#received, bytes.subarray(0, end)]);
    while (!this.#over && this.#received.length >= 4) {
      const length = this.#received.readUIntLE(0, 3);
      if (this.#received.length < 4 + length) return;
      const payload = this.#received.subarray(4, 4 + length);
      const sequence = ((this.#received[3] as number) + 1) & 0xff;
      this.#received = this.#received.subarray(4 + length);
      this.#answered(payload, sequence);
    }
  }

  onEnd(): void {
    this.#lost("the server closed the connection");
  }

  onDrained(): void {
    // Logins are small.
  }

  onClosed(error: Error | null): void {
    this.#lost(error?.message ?? "the connection was closed");
  }

  #answered(payload: Buffer, sequence: number): void {
    const step = this.#exchange.receive(payload);
    if (step.kind === "send") return this.#send(step.payload, sequence);
    if (step.kind === "wait") return;
    if (step.kind === "done" && this.#received.length > 0)
      return this.#lost("bytes after the login");
    this.#over = true;
    this.#backend.reclaimLink();
    this.#done(step.kind === "done");
  }

  #send(payload: Buffer, sequence: number): void {
    const packet = framePacket(payload, sequence);
    this.#link?.write(packet, 0, packet.length);
  }

  #lost(detail: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#backend.fail(detail);
  }
}
