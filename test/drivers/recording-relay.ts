import type { AddressInfo } from "node:net";
import { createServer, connect as dial, type Socket } from "node:net";
import { Capability, hasCapability } from "../../proxy/wire/capabilities.ts";
import { Command } from "../../proxy/wire/command.ts";
import { decodeAttributes, decodeLogin, type Login } from "../../proxy/wire/login.ts";
import { queryTextStart } from "../../proxy/wire/query-text.ts";

const HEADER_BYTES = 4;
const NAMES = new Map(
  Object.entries(Command).map(([name, code]) => [code as number, `COM_${name}`]),
);
/** Of a login, what says how a driver is set up. */
const TOLD: readonly (readonly [number, string])[] = [
  [Capability.FOUND_ROWS, "found rows"],
  [Capability.MULTI_STATEMENTS, "several statements"],
  [Capability.LOCAL_FILES, "local files"],
  [Capability.INTERACTIVE, "interactive"],
  [Capability.SESSION_TRACK, "session tracking"],
  [Capability.DEPRECATE_EOF, "no EOF"],
  [Capability.QUERY_ATTRIBUTES, "query attributes"],
];

/** What one client has sent, in words. */
export interface Recording {
  login: { collation: number; plugin: string; flags: string[]; attributes: string[] } | null;
  readonly commands: string[];
}

/** Stands before an endpoint and writes down what clients without TLS send. */
export class RecordingRelay implements AsyncDisposable {
  readonly recordings: Recording[] = [];
  readonly #server = createServer((client) => this.#relay(client));
  readonly #host: string;
  readonly #port: number;
  readonly #sockets = new Set<Socket>();

  private constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  static async before({ host, port }: { host: string; port: number }): Promise<RecordingRelay> {
    const relay = new RecordingRelay(host, port);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #relay(client: Socket): void {
    const server = dial(this.#port, this.#host);
    const recorder = new Recorder();
    this.recordings.push(recorder.recording);
    client.on("data", (bytes: Buffer) => recorder.take(bytes));
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => this.#sockets.delete(from));
    }
  }
}

class Recorder {
  readonly recording: Recording = { login: null, commands: [] };
  #bytes = Buffer.alloc(0);
  #capabilities = 0;

  take(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const held = this.#bytes;
      if (held.length < HEADER_BYTES) return;
      const end = HEADER_BYTES + held.readUIntLE(0, 3);
      if (held.length < end) return;
      this.#packet(held[3]!, held.subarray(HEADER_BYTES, end));
      this.#bytes = held.subarray(end);
    }
  }

  #packet(sequence: number, payload: Buffer): void {
    if (this.recording.login === null) {
      const login = decodeLogin(payload);
      if (login.kind === "login") this.#login(login);
    } else if (sequence === 0) {
      // What belongs to the login goes on counting; a command begins anew.
      const command = payload[0]!;
      if (command !== Command.QUIT) this.recording.commands.push(this.#words(command, payload));
    }
  }

  #login(login: Login): void {
    this.#capabilities = login.capabilities;
    this.recording.login = {
      collation: login.charset,
      plugin: login.plugin,
      flags: TOLD.flatMap(([flag, word]) =>
        hasCapability(login.capabilities, flag) ? [word] : [],
      ),
      attributes: decodeAttributes(login.attributes).map(([name]) => name),
    };
  }

  #words(command: number, payload: Buffer): string {
    if (command === Command.QUERY) {
      const attributed = hasCapability(this.#capabilities, Capability.QUERY_ATTRIBUTES);
      const start = attributed ? queryTextStart(payload, 1, payload.length) : 1;
      return payload.toString("utf8", start);
    }
    const name = NAMES.get(command) ?? `COM_${command}`;
    const hasText = command === Command.STMT_PREPARE || command === Command.INIT_DB;
    return hasText ? `${name} ${payload.toString("utf8", 1)}` : name;
  }
}
