import { Capability, hasCapability } from "./capabilities.ts";
import { decodeErr, type ErrPacket, isErr } from "./err.ts";
import { PacketReader } from "./reader.ts";
import { PacketWriter } from "./writer.ts";

/** The server's first packet, HandshakeV10. */
export interface Greeting {
  readonly kind: "greeting";
  /** As sent: MariaDB 10 may put "5.5.5-" before its own. See {@link describeServer}. */
  readonly serverVersion: string;
  readonly connectionId: number;
  /** Without the closing NUL; 20 bytes from every server since 4.1. */
  readonly nonce: Buffer;
  readonly capabilities: number;
  /** MariaDB's extended capabilities; sent only while LONG_PASSWORD is clear, else 0. */
  readonly mariadbCapabilities: number;
  readonly charset: number;
  readonly status: number;
  /** Empty where the server has no PLUGIN_AUTH. */
  readonly plugin: string;
}

const PROTOCOL_VERSION = 10;
const NONCE_HEAD_BYTES = 8;
/** The second part of the nonce takes at least this many bytes with its NUL. */
const NONCE_TAIL_BYTES_MIN = 13;
const FILLER_BYTES = 6;

/** The server may answer a connection with an error instead: too many connections, host not allowed. */
export function decodeGreeting(payload: Buffer): Greeting | ErrPacket {
  if (isErr(payload)) return decodeErr(payload);
  const reader = new PacketReader(payload, "backend");
  if (reader.u8("protocol version") !== PROTOCOL_VERSION)
    throw reader.malformed("protocol version");
  const serverVersion = reader.nulText("server version");
  const connectionId = reader.u32("connection id");
  const nonceHead = reader.bytes(NONCE_HEAD_BYTES, "nonce");
  reader.skip(1, "filler");
  const lowCapabilities = reader.u16("capabilities");
  const charset = reader.u8("charset");
  const status = reader.u16("status");
  const capabilities = (lowCapabilities | (reader.u16("capabilities") << 16)) >>> 0;
  const nonceBytes = reader.u8("nonce length");
  reader.skip(FILLER_BYTES, "filler");
  const extended = reader.u32("extended capabilities");
  const tail = hasCapability(capabilities, Capability.SECURE_CONNECTION)
    ? decodeNonceTail(reader, nonceBytes)
    : null;
  return {
    kind: "greeting",
    serverVersion,
    connectionId,
    nonce: tail === null ? Buffer.from(nonceHead) : Buffer.concat([nonceHead, tail]),
    capabilities,
    mariadbCapabilities: hasCapability(capabilities, Capability.LONG_PASSWORD) ? 0 : extended,
    charset,
    status,
    // MySQL 5.5.7 to 5.5.9 leave out the NUL after the plugin (bug 59453).
    plugin: hasCapability(capabilities, Capability.PLUGIN_AUTH)
      ? reader.nulOrRestText("plugin")
      : "",
  };
}

/** The last byte of the tail is a NUL that belongs to the packet and not to the nonce. */
function decodeNonceTail(reader: PacketReader, nonceBytes: number): Buffer {
  const length = Math.max(NONCE_TAIL_BYTES_MIN, nonceBytes - NONCE_HEAD_BYTES);
  const tail = reader.bytes(length - 1, "nonce");
  reader.skip(1, "nonce end");
  return tail;
}

export function encodeGreeting(greeting: Greeting): Buffer {
  const { capabilities, nonce } = greeting;
  const extended = hasCapability(capabilities, Capability.LONG_PASSWORD)
    ? 0
    : greeting.mariadbCapabilities;
  const hasPlugin = hasCapability(capabilities, Capability.PLUGIN_AUTH);
  const writer = new PacketWriter(128)
    .u8(PROTOCOL_VERSION)
    .nulText(greeting.serverVersion)
    .u32(greeting.connectionId)
    .raw(nonce.subarray(0, NONCE_HEAD_BYTES))
    .u8(0)
    .u16(capabilities & 0xffff)
    .u8(greeting.charset)
    .u16(greeting.status)
    .u16(capabilities >>> 16)
    .u8(hasPlugin ? nonce.length + 1 : 0)
    .zeros(FILLER_BYTES)
    .u32(extended);
  if (hasCapability(capabilities, Capability.SECURE_CONNECTION)) {
    const tail = nonce.subarray(NONCE_HEAD_BYTES);
    writer.raw(tail).zeros(Math.max(1, NONCE_TAIL_BYTES_MIN - tail.length));
  }
  if (hasPlugin) writer.nulText(greeting.plugin);
  return writer.bytes();
}

export interface ServerDescription {
  readonly mariadb: boolean;
  /** Without MariaDB's "5.5.5-" prefix. */
  readonly version: string;
}

/**
 * What server speaks. MariaDB 10 wrote "5.5.5-" before its version because old replicas read one digit of the
 * major number (MDEV-4088); MariaDB 11 stopped.
 */
export function describeServer(greeting: Greeting): ServerDescription {
  const raw = greeting.serverVersion;
  const prefixed = raw.startsWith("5.5.5-");
  const mariadb =
    prefixed ||
    raw.includes("MariaDB") ||
    !hasCapability(greeting.capabilities, Capability.LONG_PASSWORD);
  return { mariadb, version: prefixed ? raw.slice("5.5.5-".length) : raw };
}
