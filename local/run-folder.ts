import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

/** Bytes that the path of a socket may have on every Unix we run on, with room for the file's name. */
const FOLDER_BYTES = 70;

export const RUN_FOLDER_PREFIX = "sluice-";

/** A new temporary folder whose path is short enough for sockets. */
export function makeRunFolder(): Promise<string> {
  return mkdtemp(join(runFolderParent(), RUN_FOLDER_PREFIX));
}

/** Where they all are. */
export function runFolderParent(): string {
  const usual = tmpdir();
  return Buffer.byteLength(usual) > FOLDER_BYTES ? "/tmp" : usual;
}

/**
 * A new folder beside where something is being made, to be renamed when it is whole. What an interrupted run left under
 * the same prefix goes: call this under the lock that guards the making.
 */
export async function makeAside(prefix: string): Promise<string> {
  const parent = dirname(prefix);
  for (const name of await readdir(parent)) {
    if (name.startsWith(basename(prefix)))
      await rm(join(parent, name), { recursive: true, force: true });
  }
  return mkdtemp(prefix);
}
