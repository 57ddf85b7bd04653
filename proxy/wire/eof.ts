import { PacketReader } from "./reader.ts";
import { PacketWriter } from "./writer.ts";

export interface EofPacket {
  readonly kind: "eof";
  readonly warnings: number;
  readonly status: number;
}

/** A row may begin with 0xfe too, but then it is at least nine bytes long. */
export function isEof(payload: Buffer): boolean {
  return payload[0] === 0xfe && payload.length < 9;
}

export function decodeEof(payload: Buffer): EofPacket {
  const reader = new PacketReader(payload, "backend");
  if (reader.u8("EOF header") !== 0xfe) throw reader.malformed("EOF header");
  const warnings = reader.u16("warnings");
  return { kind: "eof", warnings, status: reader.u16("status") };
}

export function writeEof(writer: PacketWriter, eof: EofPacket): void {
  writer.u8(0xfe).u16(eof.warnings).u16(eof.status);
}

export function encodeEof(eof: EofPacket): Buffer {
  const writer = new PacketWriter(8);
  writeEof(writer, eof);
  return writer.bytes();
}
