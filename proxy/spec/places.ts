/** Finds where in a YAML text the value of a key stands. */
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
} from "yaml";
import type { Place } from "./proxy-spec.ts";

export type KeyPath = readonly (string | number)[];

/** `["auth", 0, "password"]` as `auth[0].password`; the whole file is `(file)`. */
export function keyOf(path: KeyPath): string {
  if (path.length === 0) return "(file)";
  return path
    .map((part, i) => (typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join("");
}

export class Places {
  readonly #file: string;
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(file: string, document: Document, lines: LineCounter) {
    this.#file = file;
    this.#document = document;
    this.#lines = lines;
  }

  /** The place of the value at a path, or of the nearest thing around it that exists. */
  ofValue(path: KeyPath): Place {
    return this.#place(path, this.#offset(path, "value"));
  }

  /** The place of the key itself: for keys that should not be there. */
  ofKey(path: KeyPath): Place {
    return this.#place(path, this.#offset(path, "key"));
  }

  atOffset(offset: number): Place {
    return this.#place([], offset);
  }

  #place(path: KeyPath, offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return {
      file: this.#file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      key: keyOf(path),
    };
  }

  #offset(path: KeyPath, wanted: "key" | "value"): number {
    let node: unknown = this.#document.contents;
    let offset = startOf(node) ?? 0;
    for (const [depth, part] of path.entries()) {
      const last = depth === path.length - 1;
      if (isMap(node)) {
        const pair = node.items.find((item) => nameOf(item) === String(part));
        if (pair === undefined) return offset;
        const at = startOf(
          last && wanted === "value" && hasText(pair.value) ? pair.value : pair.key,
        );
        offset = at ?? offset;
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.items[Number(part)];
        offset = startOf(node) ?? offset;
      } else {
        return offset;
      }
    }
    return offset;
  }
}

function nameOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

/** A key without a value has a node of no width, at a place that says nothing to people. */
function hasText(node: unknown): boolean {
  return isNode(node) && node.range != null && node.range[1] > node.range[0];
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
