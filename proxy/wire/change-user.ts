import { Capability, hasCapability } from "./capabilities.ts";
import { Command } from "./command.ts";
import { PacketReader } from "./reader.ts";
import { PacketWriter } from "./writer.ts";

/** COM_CHANGE_USER. What a client left out is empty, or 0 for the charset: keep the one in use. */
export interface ChangeUser {
  readonly user: string;
  readonly authResponse: Buffer;
  readonly schema: string;
  readonly charset: number;
  readonly plugin: string;
  /** As in a login: undecoded, without their total length. */
  readonly attributes: Buffer;
}

const EMPTY = Buffer.alloc(0);

/** `capabilities` are those of the login. Everything behind the schema may be missing (sql_authentication.cc). */
export function decodeChangeUser(payload: Buffer, capabilities: number): ChangeUser {
  const reader = new PacketReader(payload, "client");
  if (reader.u8("command") !== Command.CHANGE_USER) throw reader.malformed("command");
  const user = reader.nulText("user");
  const authResponse = hasCapability(capabilities, Capability.SECURE_CONNECTION)
    ? reader.bytes(reader.u8("auth response length"), "auth response")
    : reader.nulBytes("auth response");
  const schema = reader.nulOrRestText("schema");
  const charset = reader.remaining >= 2 ? reader.u16("charset") : 0;
  const plugin = hasCapability(capabilities, Capability.PLUGIN_AUTH)
    ? reader.nulOrRestText("plugin")
    : "";
  const hasAttributes =
    hasCapability(capabilities, Capability.CONNECT_ATTRS) && reader.remaining > 0;
  const attributes = hasAttributes ? reader.lenencBytes("attributes") : EMPTY;
  return { user, authResponse, schema, charset, plugin, attributes };
}

/** The auth response has one byte for its length whatever the capabilities say. */
export function encodeChangeUser(change: ChangeUser, capabilities: number): Buffer {
  if (change.authResponse.length > 255)
    throw new RangeError("Auth response too long for COM_CHANGE_USER");
  const writer = new PacketWriter(128).u8(Command.CHANGE_USER).nulText(change.user);
  if (hasCapability(capabilities, Capability.SECURE_CONNECTION)) {
    writer.u8(change.authResponse.length).raw(change.authResponse);
  } else {
    writer.raw(change.authResponse).u8(0);
  }
  writer.nulText(change.schema).u16(change.charset);
  if (hasCapability(capabilities, Capability.PLUGIN_AUTH)) writer.nulText(change.plugin);
  if (hasCapability(capabilities, Capability.CONNECT_ATTRS)) writer.lenencBytes(change.attributes);
  return writer.bytes();
}
