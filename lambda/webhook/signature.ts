import { createHmac, timingSafeEqual } from "node:crypto";
import type { HttpApiEvent } from "./http-api.ts";
import type { FetchSecret } from "./secret.ts";

/** `t=UNIX SECONDS,v1=HEX`: HMAC-SHA256 of `t.METHOD.path.body` with the shared key. */
export const SIGNATURE_HEADER = "x-webhook-signature";
const FORM = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/;
/** Seconds that a signature is good for, to both sides of now: clocks differ, and what is replayed must be fresh. */
const TOLERANCE_SECONDS = 300;

/** What is signed: a request that was seen once is of no use for another method, path, body or time. */
export function sign(key: string, seconds: number, event: HttpApiEvent): string {
  const { method } = event.requestContext.http;
  const hmac = createHmac("sha256", key).update(`${seconds}.${method}.${event.rawPath}.`);
  return hmac.update(bodyOf(event)).digest("hex");
}

/** Lets in those who know the shared key. The key is read once, and again where nobody's signature fits it. */
export class SignatureGate {
  readonly #fetchKey: FetchSecret;
  readonly #nowSeconds: () => number;
  #key: string | null = null;

  constructor(fetchKey: FetchSecret, nowSeconds: () => number = () => Date.now() / 1_000) {
    this.#fetchKey = fetchKey;
    this.#nowSeconds = nowSeconds;
  }

  async admits(event: HttpApiEvent): Promise<boolean> {
    const [, time, given] = FORM.exec(event.headers[SIGNATURE_HEADER] ?? "") ?? [];
    if (time === undefined || given === undefined) return false;
    if (Math.abs(this.#nowSeconds() - Number(time)) > TOLERANCE_SECONDS) return false;
    const known = this.#key;
    if (known !== null && fits(known, Number(time), event, given)) return true;
    // The key may have been changed since.
    this.#key = await this.#readKey();
    return this.#key !== known && fits(this.#key, Number(time), event, given);
  }

  async #readKey(): Promise<string> {
    const key = await this.#fetchKey();
    if (key === undefined || key === "") throw new Error("the webhook's key is empty");
    return key;
  }
}

function fits(key: string, seconds: number, event: HttpApiEvent, given: string): boolean {
  return timingSafeEqual(Buffer.from(sign(key, seconds, event), "hex"), Buffer.from(given, "hex"));
}

function bodyOf({ body = "", isBase64Encoded = false }: HttpApiEvent): Buffer {
  return Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
}
