/**
 * Renders the chart in `deploy/kubernetes` as Helm would, as far as the chart goes: values, pipelines of the few functions below, and
 * `if`. Anything else is an error, so that the chart cannot outgrow its tests unnoticed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments, stringify } from "yaml";
import { ROOT } from "../tidy/source-tree.ts";

export const CHART = join(ROOT, "deploy/kubernetes");

// biome-ignore lint/suspicious/noExplicitAny: manifests are looked into from all sides.
export type Manifest = any;

type Values = Record<string, unknown>;

/** Every manifest by its kind. */
export function renderChart(release: string, changes: Values = {}): Record<string, Manifest> {
  const values = {
    ...(parse(readFileSync(join(CHART, "values.yaml"), "utf8")) as Values),
    ...changes,
  };
  const scope = { Values: values, Release: { Name: release } };
  const files = readdirSync(join(CHART, "templates"));
  const manifests = files.flatMap((file) =>
    manifestsOf(file, renderTemplate(readFileSync(join(CHART, "templates", file), "utf8"), scope)),
  );
  return Object.fromEntries(manifests.map((each) => [String(each.kind), each]));
}

function manifestsOf(file: string, text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0)
      throw new Error(`${file}: ${document.errors[0]!.message}\n${text}`);
    const manifest = document.toJS();
    return manifest === null ? [] : [manifest];
  });
}

const ACTION = /(\s*)\{\{(-?)\s*(.*?)\s*(?:-\}\}\s*|\}\})/g;

export function renderTemplate(text: string, scope: object): string {
  const open: boolean[] = [];
  let rendered = "";
  let at = 0;
  const emit = (part: string): void => {
    if (open.every(Boolean)) rendered += part;
  };
  for (const match of text.matchAll(ACTION)) {
    const [whole, before = "", trimBefore, action = ""] = match;
    emit(text.slice(at, match.index) + (trimBefore === "-" ? "" : before));
    if (action.startsWith("if ")) open.push(truth(evaluate(action.slice(3), scope)));
    else if (action === "end") open.pop();
    else emit(String(evaluate(action, scope)));
    at = match.index + whole.length;
  }
  if (open.length > 0) throw new Error("an {{ if }} without its {{ end }}");
  return rendered + text.slice(at);
}

function truth(value: unknown): boolean {
  return !(value === false || value === 0 || value === "" || value === null);
}

function evaluate(pipeline: string, scope: object): unknown {
  let result: unknown;
  pipeline.split(/\s*\|\s*/).forEach((stage, i) => {
    const words = stage.match(/"[^"]*"|\S+/g) ?? [];
    const piped = i === 0 ? [] : [result];
    const [first, ...rest] = words;
    const call = FUNCTIONS[first ?? ""];
    if (call !== undefined) result = call(...rest.map((word) => operand(word, scope)), ...piped);
    else if (words.length === 1 && i === 0) result = operand(first!, scope);
    else throw new Error(`{{ ${pipeline} }} is more than is known here`);
  });
  return result;
}

function operand(word: string, scope: object): unknown {
  if (word.startsWith('"')) return JSON.parse(word);
  if (/^\d+$/.test(word)) return Number(word);
  if (!word.startsWith(".")) throw new Error(`${word} is not known here`);
  return word
    .slice(1)
    .split(".")
    .reduce<unknown>((value, key) => {
      const next = (value as Values)[key];
      if (next === undefined) throw new Error(`there is no ${word}`);
      return next;
    }, scope);
}

const FUNCTIONS: Record<string, (...args: unknown[]) => unknown> = {
  quote: (value) => JSON.stringify(String(value)),
  toJson: (value) => JSON.stringify(value),
  toYaml: (value) => stringify(value).trimEnd(),
  indent: (count, text) => String(text).replaceAll(/^/gm, " ".repeat(Number(count))),
  printf: (form, ...values) =>
    values.reduce<string>((text, each) => text.replace("%s", String(each)), String(form)),
};
