/** Whose bytes were wrong. */
export type PacketSide = "client" | "backend";

/** A packet that breaks the protocol. The only error a decoder throws. */
export class MalformedPacket extends Error {
  override readonly name = "MalformedPacket";
  readonly side: PacketSide;
  readonly what: string;
  /** Bytes from the start of the payload. */
  readonly offset: number;

  constructor(side: PacketSide, what: string, offset: number) {
    super(`Malformed packet from the ${side}: ${what} at byte ${offset}`);
    this.side = side;
    this.what = what;
    this.offset = offset;
  }
}
