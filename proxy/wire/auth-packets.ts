import { PacketReader } from "./reader.ts";
import { PacketWriter } from "./writer.ts";

/** First byte of what a server sends while a login goes on. */
export const AuthHeader = {
  OK: 0x00,
  MORE_DATA: 0x01,
  /** MySQL 8.0.27 and later: a further factor. */
  NEXT_FACTOR: 0x02,
  SWITCH: 0xfe,
  ERR: 0xff,
} as const;

/** The single byte that caching_sha2_password and sha256_password exchange beside passwords. */
export const Sha2Marker = {
  /** sha256_password's spelling of PUBLIC_KEY_REQUEST. */
  SHA256_PUBLIC_KEY_REQUEST: 0x01,
  PUBLIC_KEY_REQUEST: 0x02,
  FAST_AUTH_SUCCESS: 0x03,
  FULL_AUTHENTICATION: 0x04,
} as const;

export interface AuthSwitchRequest {
  readonly plugin: string;
  /** As sent. Password plugins end it with a NUL that is not part of the nonce. */
  readonly data: Buffer;
}

const OLD_PASSWORD_PLUGIN = "mysql_old_password";

/** The short form, one byte, asks for the hash of before 4.1. */
export function decodeAuthSwitchRequest(payload: Buffer): AuthSwitchRequest {
  const reader = new PacketReader(payload, "backend");
  if (reader.u8("auth switch header") !== AuthHeader.SWITCH)
    throw reader.malformed("auth switch header");
  if (reader.remaining === 0) return { plugin: OLD_PASSWORD_PLUGIN, data: reader.rest() };
  return { plugin: reader.nulText("plugin"), data: reader.rest() };
}

export function encodeAuthSwitchRequest(request: AuthSwitchRequest): Buffer {
  return new PacketWriter(64)
    .u8(AuthHeader.SWITCH)
    .nulText(request.plugin)
    .raw(request.data)
    .bytes();
}

/** The data of an AuthMoreData packet. */
export function decodeAuthMoreData(payload: Buffer): Buffer {
  const reader = new PacketReader(payload, "backend");
  if (reader.u8("auth data header") !== AuthHeader.MORE_DATA)
    throw reader.malformed("auth data header");
  return reader.rest();
}

export function encodeAuthMoreData(data: Uint8Array): Buffer {
  return new PacketWriter(1 + data.length).u8(AuthHeader.MORE_DATA).raw(data).bytes();
}
