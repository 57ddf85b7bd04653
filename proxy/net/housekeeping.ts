import type { SyncStep } from "../session/state-sync.ts";
import { Command } from "../wire/command.ts";
import { decodeErr, type ErrFields } from "../wire/err.ts";
import {
  type ResponseShape,
  type ResponseWalker,
  ResponseShape as Shape,
} from "../wire/response-walker.ts";

/** Bytes kept of one answer to a statement of our own. */
const ANSWER_BYTES_MAX = 1 << 20;

/** A command of the proxy's own. */
export interface OwnCommand {
  readonly packet: Buffer;
  readonly shape: ResponseShape;
}

export interface OwnFailure {
  /** Position of the command that failed. */
  readonly index: number;
  readonly error: ErrFields;
}

/** Called once when all commands are answered: the first failure, if any, and every answer's bytes. */
export type HousekeepingDone = (failure: OwnFailure | null, answers: readonly Buffer[]) => void;

export function ownQuery(sql: string): OwnCommand {
  return { packet: commandPacket(Command.QUERY, Buffer.from(sql, "utf8")), shape: Shape.RESULT };
}

/** With CLIENT_QUERY_ATTRIBUTES a query is preceded by the number of its attributes. */
export function ownQueryWithAttributes(sql: string): OwnCommand {
  const body = Buffer.concat([Buffer.from([0, 1]), Buffer.from(sql, "utf8")]);
  return { packet: commandPacket(Command.QUERY, body), shape: Shape.RESULT };
}

export function ownReset(): OwnCommand {
  return { packet: commandPacket(Command.RESET_CONNECTION, EMPTY), shape: Shape.RESULT };
}

export function ownPing(): OwnCommand {
  return { packet: commandPacket(Command.PING, EMPTY), shape: Shape.RESULT };
}

const EMPTY = Buffer.alloc(0);

export function commandPacket(command: number, body: Uint8Array): Buffer {
  const packet = Buffer.allocUnsafe(5 + body.byteLength);
  packet.writeUIntLE(1 + body.byteLength, 0, 3);
  packet[3] = 0;
  packet[4] = command;
  packet.set(body, 5);
  return packet;
}

/** What brings a backend into a session's state, as commands. */
export function syncCommand(step: SyncStep, query: (sql: string) => OwnCommand): OwnCommand {
  switch (step.kind) {
    case "reset":
      return ownReset();
    case "query":
      return query(step.sql);
    case "schema":
      return {
        packet: commandPacket(Command.INIT_DB, Buffer.from(step.schema, "utf8")),
        shape: Shape.RESULT,
      };
    case "multi-statements":
      return {
        packet: commandPacket(Command.SET_OPTION, Buffer.from([step.on ? 0 : 1, 0])),
        shape: Shape.RESULT,
      };
  }
}

/** Several commands of our own on one backend, sent together and answered in order. */
export class Housekeeping {
  readonly deadlineMs: number;
  readonly #commands: readonly OwnCommand[];
  readonly #done: HousekeepingDone;
  readonly #answers: Buffer[] = [];
  #parts: Buffer[] = [];
  #kept = 0;
  #failure: OwnFailure | null = null;

  constructor(commands: readonly OwnCommand[], deadlineMs: number, done: HousekeepingDone) {
    this.#commands = commands;
    this.deadlineMs = deadlineMs;
    this.#done = done;
  }

  /** All commands in one piece. */
  packets(): Buffer {
    return Buffer.concat(this.#commands.map((command) => command.packet));
  }

  start(walker: ResponseWalker): void {
    walker.start((this.#commands[0] as OwnCommand).shape);
  }

  /** Returns true when every command is answered; false while more is to come. Extra bytes make the walker malformed. */
  feed(walker: ResponseWalker, bytes: Uint8Array, end: number): boolean {
    let at = 0;
    while (at < end) {
      const stop = walker.feed(bytes, at, end);
      this.#keep(bytes, at, stop);
      if (walker.malformed || walker.wantsFile) {
        walker.malformed = true;
        return false;
      }
      if (!walker.done) return false;
      at = stop;
      this.#answered(walker);
      const next = this.#commands[this.#answers.length];
      if (next === undefined) {
        if (at < end) walker.malformed = true;
        return at === end;
      }
      walker.start(next.shape);
    }
    return false;
  }

  finish(): void {
    this.#done(this.#failure, this.#answers);
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    this.#kept += end - start;
    if (this.#kept <= ANSWER_BYTES_MAX) this.#parts.push(Buffer.from(bytes.subarray(start, end)));
  }

  #answered(walker: ResponseWalker): void {
    const answer = Buffer.concat(this.#parts);
    if (walker.errorCode !== 0 && this.#failure === null) {
      this.#failure = { index: this.#answers.length, error: lastError(answer) };
    }
    this.#answers.push(answer);
    this.#parts = [];
    this.#kept = 0;
  }
}

/** The ERR packet that ends an answer. */
function lastError(answer: Buffer): ErrFields {
  let at = 0;
  let payload = answer.subarray(4);
  while (at + 4 <= answer.length) {
    const length = answer.readUIntLE(at, 3);
    payload = answer.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
  return decodeErr(payload);
}
