import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Bytes that the path of a socket may have on every Unix we run on, with room for the file's name. */
const FOLDER_BYTES = 70;

/** A new temporary folder whose path is short enough for sockets. */
export function makeRunFolder(): Promise<string> {
  const usual = tmpdir();
  return mkdtemp(join(Buffer.byteLength(usual) > FOLDER_BYTES ? "/tmp" : usual, "sluice-"));
}
