import { type Document, LineCounter, parseDocument, visit, type YAMLParseError } from "yaml";
import { crossCheck } from "./cross-checks.ts";
import { explainIssue } from "./explain-issue.ts";
import { type KeyPath, Places } from "./places.ts";
import type { ParsedSpec, Place, SpecProblem } from "./proxy-spec.ts";
import { specSchema } from "./schema.ts";
import { toProxySpec } from "./to-proxy-spec.ts";

/** Reads a configuration file (YAML or JSON). All problems come at once, in the order of the file. */
export function parseSpec(text: string, fileName: string): ParsedSpec {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const places = new Places(fileName, document, lines);
  if (document.errors.length > 0) {
    return {
      ok: false,
      problems: document.errors.map((error) => syntaxProblem(error, text, places)),
    };
  }
  const alias = brokenAlias(document);
  if (alias !== null)
    return {
      ok: false,
      problems: [{ ...places.atOffset(alias), message: "is an alias to nothing" }],
    };
  const input = toPlain(document);
  if (!input.ok)
    return { ok: false, problems: [{ ...places.atOffset(0), message: input.message }] };
  return validate(input.value, places);
}

/** Where a setting stands in a file that has been parsed before; where it is missing, what it would stand in. */
export function placeIn(text: string, fileName: string, path: KeyPath): Place {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  return new Places(fileName, document, lines).ofValue(path);
}

function validate(input: unknown, places: Places): ParsedSpec {
  const parsed = specSchema.safeParse(input);
  const problems: SpecProblem[] = [];
  const warnings: SpecProblem[] = [];
  for (const issue of parsed.error?.issues ?? []) {
    for (const { path, atKey, message } of explainIssue(issue, input)) {
      problems.push({ ...(atKey ? places.ofKey(path) : places.ofValue(path)), message });
    }
  }
  for (const { path, message, severity } of crossCheck(input)) {
    (severity === "problem" ? problems : warnings).push({ ...places.ofValue(path), message });
  }
  if (!parsed.success || problems.length > 0)
    return { ok: false, problems: problems.sort(byPlace) };
  return { ok: true, spec: toProxySpec(parsed.data, places), warnings: warnings.sort(byPlace) };
}

function byPlace(a: SpecProblem, b: SpecProblem): number {
  return a.line - b.line || a.column - b.column;
}

function syntaxProblem(error: YAMLParseError, text: string, places: Places): SpecProblem {
  const place = places.atOffset(error.pos[0]);
  if (error.code === "DUPLICATE_KEY") {
    const key = /^[\w-]+/.exec(text.slice(error.pos[0]))?.[0] ?? place.key;
    return { ...place, key, message: "is there twice" };
  }
  // The first line says what is wrong; others may quote the file, passwords included.
  return { ...place, message: error.message.split("\n", 1)[0] ?? error.code };
}

type Plain =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

/** Aliases may multiply beyond reason: the YAML library throws then. */
function toPlain(document: Document): Plain {
  try {
    return { ok: true, value: document.toJS() };
  } catch (fault) {
    return { ok: false, message: fault instanceof Error ? fault.message : String(fault) };
  }
}

/** Where the first alias without an anchor stands. */
function brokenAlias(document: Document): number | null {
  let offset: number | null = null;
  visit(document, {
    Alias: (_, node) => {
      if (node.resolve(document) !== undefined) return undefined;
      offset = node.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}
