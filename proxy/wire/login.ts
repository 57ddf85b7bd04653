import { Capability, hasCapability } from "./capabilities.ts";
import { PacketReader } from "./reader.ts";
import { PacketWriter } from "./writer.ts";

interface LoginHead {
  readonly capabilities: number;
  /** MariaDB's extended capabilities; 0 where the client set LONG_PASSWORD. */
  readonly mariadbCapabilities: number;
  readonly maxPacketBytes: number;
  readonly charset: number;
}

/** The client's first packet when it wants TLS: the head of a login and nothing else. */
export interface SslRequest extends LoginHead {
  readonly kind: "sslRequest";
}

/** HandshakeResponse41. */
export interface Login extends LoginHead {
  readonly kind: "login";
  readonly user: string;
  readonly authResponse: Buffer;
  /** Empty: none. */
  readonly schema: string;
  /** Empty: not named. */
  readonly plugin: string;
  /** Connection attributes as sent, without their total length. See {@link decodeAttributes}. */
  readonly attributes: Buffer;
  /** 0 unless the client asked for zstd. */
  readonly zstdLevel: number;
}

/** HandshakeResponse320, from clients older than 4.1: to be refused. */
export interface OldLogin {
  readonly kind: "oldLogin";
}

const HEAD_BYTES = 32;
/** Old Connector/J sends only the capabilities before it starts TLS (sql_authentication.cc). */
const SHORT_SSL_REQUEST_BYTES = 4;
const FILLER_BYTES = 19;
const QUOTE = 0x27;
const EMPTY = Buffer.alloc(0);

export function decodeLogin(payload: Buffer): Login | SslRequest | OldLogin {
  const reader = new PacketReader(payload, "client");
  const flags = payload.length >= 4 ? payload.readUInt32LE(0) : reader.u16("capabilities");
  if (payload.length === SHORT_SSL_REQUEST_BYTES && hasCapability(flags, Capability.SSL)) {
    const maxPacketBytes = 0xf_ffff;
    return {
      kind: "sslRequest",
      capabilities: flags,
      mariadbCapabilities: 0,
      maxPacketBytes,
      charset: 0,
    };
  }
  if (!hasCapability(flags, Capability.PROTOCOL_41)) return { kind: "oldLogin" };
  const head = decodeHead(reader);
  if (payload.length === HEAD_BYTES && hasCapability(flags, Capability.SSL))
    return { kind: "sslRequest", ...head };
  return decodeBody(reader, head);
}

function decodeHead(reader: PacketReader): LoginHead {
  const capabilities = reader.u32("capabilities");
  const maxPacketBytes = reader.u32("largest packet");
  const charset = reader.u8("charset");
  reader.skip(FILLER_BYTES, "filler");
  const extended = reader.u32("extended capabilities");
  const mariadbCapabilities = hasCapability(capabilities, Capability.LONG_PASSWORD) ? 0 : extended;
  return { capabilities, mariadbCapabilities, maxPacketBytes, charset };
}

/** From the schema on everything may be missing: drivers announce fields and then stop early. */
function decodeBody(reader: PacketReader, head: LoginHead): Login {
  const flags = head.capabilities;
  const user = unquote(reader.nulOrRestText("user"));
  const authResponse = reader.remaining > 0 ? decodeAuthResponse(reader, flags) : EMPTY;
  const schema = hasCapability(flags, Capability.CONNECT_WITH_DB)
    ? reader.nulOrRestText("schema")
    : "";
  const plugin = hasCapability(flags, Capability.PLUGIN_AUTH) ? reader.nulOrRestText("plugin") : "";
  const hasAttributes = hasCapability(flags, Capability.CONNECT_ATTRS) && reader.remaining > 0;
  const attributes = hasAttributes ? reader.lenencBytes("attributes") : EMPTY;
  const hasLevel =
    hasCapability(flags, Capability.ZSTD_COMPRESSION_ALGORITHM) && reader.remaining > 0;
  return {
    kind: "login",
    capabilities: flags,
    mariadbCapabilities: head.mariadbCapabilities,
    maxPacketBytes: head.maxPacketBytes,
    charset: head.charset,
    user,
    authResponse,
    schema,
    plugin,
    attributes,
    zstdLevel: hasLevel ? reader.u8("zstd level") : 0,
  };
}

function decodeAuthResponse(reader: PacketReader, flags: number): Buffer {
  if (hasCapability(flags, Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA))
    return reader.lenencBytes("auth response");
  if (!hasCapability(flags, Capability.SECURE_CONNECTION))
    return reader.nulOrRestBytes("auth response");
  return reader.bytes(reader.u8("auth response length"), "auth response");
}

/** The server takes a name in single quotes as the name within them (sql_authentication.cc). */
function unquote(user: string): string {
  const last = user.length - 1;
  const quoted = last > 0 && user.charCodeAt(0) === QUOTE && user.charCodeAt(last) === QUOTE;
  return quoted ? user.slice(1, last) : user;
}

function writeHead(writer: PacketWriter, head: LoginHead): void {
  const extended = hasCapability(head.capabilities, Capability.LONG_PASSWORD)
    ? 0
    : head.mariadbCapabilities;
  writer
    .u32(head.capabilities)
    .u32(head.maxPacketBytes)
    .u8(head.charset)
    .zeros(FILLER_BYTES)
    .u32(extended);
}

/** `capabilities` must contain SSL and PROTOCOL_41. */
export function encodeSslRequest(request: SslRequest): Buffer {
  const writer = new PacketWriter(HEAD_BYTES);
  writeHead(writer, request);
  return writer.bytes();
}

/** Fields that `capabilities` does not announce are left out. */
export function encodeLogin(login: Login): Buffer {
  const flags = login.capabilities;
  const writer = new PacketWriter(256);
  writeHead(writer, login);
  writer.nulText(login.user);
  if (hasCapability(flags, Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA)) {
    writer.lenencBytes(login.authResponse);
  } else if (hasCapability(flags, Capability.SECURE_CONNECTION)) {
    if (login.authResponse.length > 255)
      throw new RangeError("An auth response this long needs its lenenc capability");
    writer.u8(login.authResponse.length).raw(login.authResponse);
  } else {
    writer.raw(login.authResponse).u8(0);
  }
  if (hasCapability(flags, Capability.CONNECT_WITH_DB)) writer.nulText(login.schema);
  if (hasCapability(flags, Capability.PLUGIN_AUTH)) writer.nulText(login.plugin);
  if (hasCapability(flags, Capability.CONNECT_ATTRS)) writer.lenencBytes(login.attributes);
  if (hasCapability(flags, Capability.ZSTD_COMPRESSION_ALGORITHM)) writer.u8(login.zstdLevel);
  return writer.bytes();
}

/** Connection attributes as pairs, in the order sent. */
export function decodeAttributes(attributes: Buffer): [name: string, value: string][] {
  const reader = new PacketReader(attributes, "client");
  const pairs: [string, string][] = [];
  while (reader.remaining > 0) {
    const name = reader.lenencText("attribute name");
    pairs.push([name, reader.lenencText("attribute value")]);
  }
  return pairs;
}

export function encodeAttributes(pairs: Iterable<readonly [name: string, value: string]>): Buffer {
  const writer = new PacketWriter(128);
  for (const [name, value] of pairs) writer.lenencText(name).lenencText(value);
  return writer.bytes();
}
