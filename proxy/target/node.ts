import type { Sighting } from "./sighting.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** An address that is asked. What stands behind it is known from its answers only. */
export class Node {
  /** `host:port`. */
  readonly key: string;
  readonly address: Address;
  /** The last answer. */
  sighting: Sighting | null = null;
  /** It answered when it was asked last. */
  alive = false;
  /** It has answered, or failed to, at least once. */
  asked = false;
  /** When it was first seen taking writes after it had refused them; 0 if never. */
  risenAtMs = 0;
  /** It refused a write then, whatever it says of itself. */
  refusedAtMs = Number.NEGATIVE_INFINITY;

  constructor(address: Address) {
    this.address = address;
    this.key = keyOf(address);
  }

  sighted(sighting: Sighting): void {
    if (this.sighting?.readOnly === true && !sighting.readOnly) this.risenAtMs = sighting.askedAtMs;
    this.sighting = sighting;
    this.alive = true;
    this.asked = true;
  }

  missed(): void {
    this.alive = false;
    this.asked = true;
  }

  /** It says that it takes writes, and has refused none since it was asked. */
  get takesWrites(): boolean {
    const { sighting } = this;
    return (
      this.alive && sighting !== null && !sighting.readOnly && sighting.askedAtMs > this.refusedAtMs
    );
  }

  /** It said that it refuses writes, when it was asked last. */
  get refusesWrites(): boolean {
    return this.sighting?.readOnly === true;
  }
}

export function keyOf({ host, port }: Address): string {
  return `${host}:${port}`;
}
