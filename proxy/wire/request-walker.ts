const MAX_PAYLOAD = 0xffffff;

/**
 * Follows a client's request that is longer than what is in hand: the rest of a packet, further packets after one of
 * 2^24 - 1 bytes, or a LOCAL INFILE's packets up to the empty one.
 */
export class RequestWalker {
  done = false;
  #left: number;
  #more: boolean;
  readonly #file: boolean;
  readonly #header = new Uint8Array(4);
  #held = 0;

  /** `left`: bytes of the current packet still to come; `more`: another packet belongs to the request after it. */
  private constructor(left: number, more: boolean, file: boolean) {
    this.#left = left;
    this.#more = more;
    this.#file = file;
    this.done = left === 0 && !more;
  }

  /** The rest of a command whose first packet has this payload length, `inHand` bytes of which have been passed on. */
  static command(payloadBytes: number, inHand: number): RequestWalker {
    return new RequestWalker(payloadBytes - inHand, payloadBytes === MAX_PAYLOAD, false);
  }

  /** A file for LOAD DATA LOCAL. */
  static file(): RequestWalker {
    return new RequestWalker(0, true, true);
  }

  /** Returns the position after the request's last byte, or `end`. */
  feed(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.done) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, end - at);
        this.#left -= step;
        at += step;
        if (this.#left === 0 && !this.#more) this.done = true;
        continue;
      }
      this.#header[this.#held++] = bytes[at++] as number;
      if (this.#held === 4) this.#packet();
    }
    return at;
  }

  #packet(): void {
    const [low = 0, middle = 0, high = 0] = this.#header;
    const length = low | (middle << 8) | (high << 16);
    this.#held = 0;
    this.#left = length;
    this.#more = this.#file ? length > 0 : length === MAX_PAYLOAD;
    if (length === 0) this.done = true;
  }
}
