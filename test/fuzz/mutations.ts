import type { Random } from "../support/random.ts";

/** Numbers that break parsers. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff];
const LENGTHS = [0, 1, 4, 5, 250, 251, 0xffff, 0x10000, 0xfffffe, 0xffffff];

export function randomBytes(random: Random, most: number): Buffer {
  const bytes = Buffer.alloc(random.int(most + 1));
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = random.chance(0.3) ? random.pick(EDGES) : random.int(256);
  return bytes;
}

/** Changes bytes here and there: turns bits, puts edges, cuts, doubles, inserts, or lies about the first length. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  let twisted = Buffer.from(bytes);
  for (let left = 1 + random.int(4); left > 0 && twisted.length > 0; left--) {
    const at = random.int(twisted.length);
    switch (random.int(7)) {
      case 0:
        twisted[at] = twisted[at]! ^ (1 << random.int(8));
        break;
      case 1:
        twisted[at] = random.pick(EDGES);
        break;
      case 2:
        twisted = twisted.subarray(0, at);
        break;
      case 3:
        twisted = Buffer.concat([twisted.subarray(0, at), twisted.subarray(random.int(at + 1))]);
        break;
      case 4:
        twisted = Buffer.concat([
          twisted.subarray(0, at),
          randomBytes(random, 20),
          twisted.subarray(at),
        ]);
        break;
      case 5:
        if (twisted.length >= 3) twisted.writeUIntLE(random.pick(LENGTHS), 0, 3);
        break;
      default:
        twisted = Buffer.concat([twisted.subarray(at), twisted.subarray(0, at)]);
    }
  }
  return twisted.subarray(0, 300_000);
}

/** Pieces as a network might deliver them. */
export function pieces(random: Random, bytes: Buffer): Buffer[] {
  if (random.chance(0.5)) return [bytes];
  const parts: Buffer[] = [];
  const most = random.pick([1, 3, 20, 500, 70_000]);
  for (let at = 0; at < bytes.length && parts.length < 400; ) {
    const size = 1 + random.int(most);
    parts.push(bytes.subarray(at, parts.length === 399 ? bytes.length : at + size));
    at += size;
  }
  return parts;
}
