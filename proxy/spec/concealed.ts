/** A text that must not be printed by accident: no logger, inspector or serialiser shows more than a mark. */
export class Concealed {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself. Call it where the text is used, never where it is passed on. */
  reveal(): string {
    return this.#text;
  }

  equals(other: Concealed): boolean {
    return this.#text === other.#text;
  }

  toString(): string {
    return "[concealed]";
  }

  toJSON(): string {
    return "[concealed]";
  }
}
