import { PacketReader } from "./reader.ts";
import { PacketWriter } from "./writer.ts";

/** What an ERR packet carries. A fault of `proxy/base` has this shape too. */
export interface ErrFields {
  readonly errno: number;
  /** Five characters; empty where the packet has none, as in errors sent before the capabilities are known. */
  readonly sqlState: string;
  readonly message: string;
}

export interface ErrPacket extends ErrFields {
  readonly kind: "err";
}

const HASH = 0x23;

export function isErr(payload: Buffer): boolean {
  return payload[0] === 0xff;
}

export function decodeErr(payload: Buffer): ErrPacket {
  const reader = new PacketReader(payload, "backend");
  if (reader.u8("ERR header") !== 0xff) throw reader.malformed("ERR header");
  const errno = reader.u16("error number");
  let sqlState = "";
  if (reader.peek() === HASH && reader.remaining > 5) {
    reader.skip(1, "SQLSTATE marker");
    sqlState = reader.text(5, "SQLSTATE");
  }
  return { kind: "err", errno, sqlState, message: reader.restText() };
}

export function writeErr(writer: PacketWriter, err: ErrFields): void {
  writer.u8(0xff).u16(err.errno);
  if (err.sqlState !== "") writer.u8(HASH).text(err.sqlState);
  writer.text(err.message);
}

export function encodeErr(err: ErrFields): Buffer {
  const writer = new PacketWriter(128);
  writeErr(writer, err);
  return writer.bytes();
}
