import { Capability, hasCapability } from "./capabilities.ts";
import { PacketReader } from "./reader.ts";
import { Status } from "./status.ts";
import { PacketWriter } from "./writer.ts";

/** An OK packet of protocol 4.1; also the one with header 0xfe that ends a result set under DEPRECATE_EOF. */
export interface OkPacket {
  readonly kind: "ok";
  /** The header is 0xfe: it ends rows. */
  readonly endsRows: boolean;
  readonly affectedRows: number | bigint;
  readonly insertId: number | bigint;
  readonly status: number;
  readonly warnings: number;
  readonly info: string;
  /** Session-state blocks, undecoded; empty without. See session-track.ts. */
  readonly sessionTrack: Buffer;
}

const EMPTY = Buffer.alloc(0);

/** An OK for what has no effects. `status` is mandatory: a wrong one misleads drivers about transactions. */
export function plainOk(status: number): OkPacket {
  return {
    kind: "ok",
    endsRows: false,
    affectedRows: 0,
    insertId: 0,
    status,
    warnings: 0,
    info: "",
    sessionTrack: EMPTY,
  };
}

export function decodeOk(payload: Buffer, capabilities: number): OkPacket {
  const reader = new PacketReader(payload, "backend");
  const header = reader.u8("OK header");
  if (header !== 0x00 && header !== 0xfe) throw reader.malformed("OK header");
  const affectedRows = reader.lenenc("affected rows");
  const insertId = reader.lenenc("insert id");
  const status = reader.u16("status");
  const warnings = reader.u16("warnings");
  const canTrack = hasCapability(capabilities, Capability.SESSION_TRACK);
  const tracked = canTrack && (status & Status.SESSION_STATE_CHANGED) !== 0;
  const info = reader.remaining > 0 ? decodeInfo(reader, canTrack) : "";
  const sessionTrack =
    tracked && reader.remaining > 0 ? reader.lenencBytes("session state") : EMPTY;
  return {
    kind: "ok",
    endsRows: header === 0xfe,
    affectedRows,
    insertId,
    status,
    warnings,
    info,
    sessionTrack,
  };
}

/**
 * MySQL and MariaDB write the text with its length even without SESSION_TRACK (net_send_ok in both), and leave it out
 * when there is neither text nor state. The documentation says that it runs to the end of the packet without
 * SESSION_TRACK, and some servers that are neither believe it.
 */
function decodeInfo(reader: PacketReader, canTrack: boolean): string {
  if (canTrack || reader.peek() === reader.remaining - 1 || reader.peek() >= 0xfc)
    return reader.lenencText("info");
  return reader.restText();
}

/** Session state is written only where both the capability and the status flag announce it. */
export function writeOk(writer: PacketWriter, ok: OkPacket, capabilities: number): void {
  const canTrack = hasCapability(capabilities, Capability.SESSION_TRACK);
  const tracked = canTrack && (ok.status & Status.SESSION_STATE_CHANGED) !== 0;
  writer
    .u8(ok.endsRows ? 0xfe : 0x00)
    .lenenc(ok.affectedRows)
    .lenenc(ok.insertId)
    .u16(ok.status)
    .u16(ok.warnings);
  if (tracked || ok.info !== "") writer.lenencText(ok.info);
  if (tracked) writer.lenencBytes(ok.sessionTrack);
}

export function encodeOk(ok: OkPacket, capabilities: number): Buffer {
  const writer = new PacketWriter(64);
  writeOk(writer, ok, capabilities);
  return writer.bytes();
}
