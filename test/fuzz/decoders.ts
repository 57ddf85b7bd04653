import { BackendLogin } from "../../proxy/auth/client-exchange.ts";
import { Plugin } from "../../proxy/auth/plugins.ts";
import * as auth from "../../proxy/wire/auth-packets.ts";
import { decodeChangeUser } from "../../proxy/wire/change-user.ts";
import { decodeErr } from "../../proxy/wire/err.ts";
import { decodeGreeting } from "../../proxy/wire/greeting.ts";
import { decodeAttributes, decodeLogin } from "../../proxy/wire/login.ts";
import { MalformedPacket } from "../../proxy/wire/malformed-packet.ts";
import { decodeOk } from "../../proxy/wire/ok.ts";
import { queryTextStart } from "../../proxy/wire/query-text.ts";
import { RequestWalker } from "../../proxy/wire/request-walker.ts";
import { ResponseShape, ResponseWalker } from "../../proxy/wire/response-walker.ts";
import { decodeTextRows } from "../../proxy/wire/text-result.ts";
import type { Random } from "../support/random.ts";
import { DIALECTS, responseSamples } from "../support/response-samples.ts";
import { mutate, pieces, randomBytes } from "./mutations.ts";

const DECODERS: readonly ((bytes: Buffer, flags: number) => unknown)[] = [
  decodeGreeting,
  decodeLogin,
  decodeAttributes,
  decodeChangeUser,
  decodeOk,
  decodeErr,
  auth.decodeAuthSwitchRequest,
  auth.decodeAuthMoreData,
  (bytes) => queryTextStart(bytes, 0, bytes.length),
  (bytes, flags) => decodeTextRows(bytes, (flags & 1) === 1),
  loggingIn,
];

const SAMPLES = DIALECTS.map((dialect) => ({ dialect, samples: responseSamples(dialect) }));
const SHAPES = Object.values(ResponseShape);

/** One round of everything that reads bytes in memory. Throws what none of them may throw. */
export function fuzzDecoders(random: Random): void {
  const bytes = randomBytes(random, 400);
  const flags = random.int(2 ** 32);
  for (const decode of DECODERS) {
    try {
      decode(bytes, flags);
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error;
    }
  }
  walkResponse(random);
  const walker = RequestWalker.command(1 + random.int(0xffffff), random.int(2));
  const stop = walker.feed(bytes, 0, bytes.length);
  if (stop > bytes.length || (!walker.done && stop !== bytes.length))
    throw new Error("request walker");
}

function loggingIn(bytes: Buffer): void {
  const login = new BackendLogin({
    plugin: Plugin.CACHING_SHA2,
    nonce: Buffer.alloc(20, 7),
    password: "secret",
    secure: false,
    publicKey: null,
    mayAskForPublicKey: true,
  });
  login.first();
  for (let at = 0, i = 0; at < bytes.length && i < 4; at += 40, i++) {
    if (login.receive(Buffer.from(bytes.subarray(at, at + 40))).kind === "failed") return;
  }
}

function walkResponse(random: Random): void {
  const { dialect, samples } = random.pick(SAMPLES);
  const sample = random.pick(samples);
  const bytes = random.chance(0.2) ? randomBytes(random, 600) : mutate(random, sample.bytes);
  const walker = new ResponseWalker();
  walker.deprecateEof = dialect.deprecateEof;
  walker.optionalMetadata = dialect.optionalMetadata;
  walker.start(random.chance(0.2) ? random.pick(SHAPES) : sample.shape);
  for (const part of pieces(random, bytes)) {
    const stop = walker.feed(part, 0, part.length);
    if (!(stop >= 0 && stop <= part.length)) throw new Error("response walker: out of bounds");
    if (walker.done || walker.malformed || walker.wantsFile) return;
    if (stop !== part.length) throw new Error("response walker: stopped for nothing");
  }
}
