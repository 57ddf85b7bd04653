import { PacketReader } from "./reader.ts";
import { PacketWriter } from "./writer.ts";

/** Types of session-state blocks (MySQL: enum_session_state_type). */
export const SessionTrackType = {
  SYSTEM_VARIABLES: 0,
  SCHEMA: 1,
  STATE_CHANGE: 2,
  GTIDS: 3,
  TRANSACTION_CHARACTERISTICS: 4,
  TRANSACTION_STATE: 5,
} as const;

/** Told of each block in the order sent. The bytes belong to the packet: copy what must outlive the call. */
export interface SessionTrackVisitor {
  systemVariable(name: Buffer, value: Buffer): void;
  /** Empty: no schema is selected any more. */
  schema(name: Buffer): void;
  /** Some session state changed that the server does not name. */
  stateChange(changed: boolean): void;
  gtids(gtids: Buffer): void;
  /** SQL that would begin the open transaction anew; empty outside of one. */
  transactionCharacteristics(sql: Buffer): void;
  /** Eight characters such as `T_______`. */
  transactionState(state: Buffer): void;
}

const ONE = 0x31;

/**
 * Walks the session-state blocks of an OK packet (`OkPacket.sessionTrack`). Types that are not known are skipped:
 * servers add them.
 */
export function decodeSessionTrack(blocks: Buffer, visitor: SessionTrackVisitor): void {
  const reader = new PacketReader(blocks, "backend");
  while (reader.remaining > 0) {
    const type = reader.u8("session state type");
    visitBlock(type, new PacketReader(reader.lenencBytes("session state"), "backend"), visitor);
  }
}

function visitBlock(type: number, block: PacketReader, visitor: SessionTrackVisitor): void {
  switch (type) {
    case SessionTrackType.SYSTEM_VARIABLES:
      visitVariables(block, visitor);
      return;
    case SessionTrackType.SCHEMA:
      visitor.schema(block.lenencBytes("schema"));
      return;
    case SessionTrackType.STATE_CHANGE:
      // Both servers send the bare character, where every other block has a length before its text.
      visitor.stateChange(block.rest().at(-1) === ONE);
      return;
    case SessionTrackType.GTIDS:
      // The byte says how the rest is encoded; only 0, plain text, exists.
      block.skip(1, "gtid encoding");
      visitor.gtids(block.lenencBytes("gtids"));
      return;
    case SessionTrackType.TRANSACTION_CHARACTERISTICS:
      visitor.transactionCharacteristics(block.lenencBytes("transaction characteristics"));
      return;
    case SessionTrackType.TRANSACTION_STATE:
      visitor.transactionState(block.lenencBytes("transaction state"));
      return;
    default:
  }
}

/** MySQL sends a block for each variable; MariaDB may send several in one. */
function visitVariables(block: PacketReader, visitor: SessionTrackVisitor): void {
  while (block.remaining > 0) {
    const name = block.lenencBytes("variable name");
    visitor.systemVariable(name, block.lenencBytes("variable value"));
  }
}

/** Writes blocks in the order called; {@link bytes} goes into `OkPacket.sessionTrack`. */
export class SessionTrackWriter implements SessionTrackVisitor {
  readonly #writer = new PacketWriter(64);

  systemVariable(name: Buffer, value: Buffer): void {
    this.#block(
      SessionTrackType.SYSTEM_VARIABLES,
      new PacketWriter(64).lenencBytes(name).lenencBytes(value),
    );
  }

  schema(name: Buffer): void {
    this.#text(SessionTrackType.SCHEMA, name);
  }

  stateChange(changed: boolean): void {
    this.#block(SessionTrackType.STATE_CHANGE, new PacketWriter(1).text(changed ? "1" : "0"));
  }

  gtids(gtids: Buffer): void {
    this.#block(SessionTrackType.GTIDS, new PacketWriter(64).u8(0).lenencBytes(gtids));
  }

  transactionCharacteristics(sql: Buffer): void {
    this.#text(SessionTrackType.TRANSACTION_CHARACTERISTICS, sql);
  }

  transactionState(state: Buffer): void {
    this.#text(SessionTrackType.TRANSACTION_STATE, state);
  }

  bytes(): Buffer {
    return this.#writer.bytes();
  }

  #text(type: number, text: Buffer): void {
    this.#block(type, new PacketWriter(32).lenencBytes(text));
  }

  #block(type: number, block: PacketWriter): void {
    this.#writer.u8(type).lenencBytes(block.bytes());
  }
}
