/** Where a running proxy has its configuration from: a file, or the environment of a container. */
import { parseSpec } from "../proxy/spec/parse-spec.ts";
import type { ParsedSpec, ProxySpec } from "../proxy/spec/proxy-spec.ts";
import { readSpec, type SpecText } from "./spec-file.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment variable that names the file. */
const FILE_VARIABLE = "SLUICE_CONFIG";
/** The environment variable that holds the configuration itself, where a container has no file of its own. */
const TEXT_VARIABLE = "SLUICE_CONFIG_TEXT";
/** The environment variable whose address every listener takes, whatever the configuration says. */
const LISTEN_VARIABLE = "SLUICE_LISTEN_HOST";

export interface SpecSource {
  /** What messages call it, and what relative paths in it count from. */
  readonly file: string;
  /** Whether it can change while the proxy runs. */
  readonly watched: boolean;
  read(): Promise<SpecText>;
}

/** The file that is named as argument, else by the environment; else the text in the environment; else null. */
export function specSource(argument: string | undefined, env: Environment): SpecSource | null {
  const listenHost = env[LISTEN_VARIABLE] || null;
  const file = argument ?? (env[FILE_VARIABLE] || undefined);
  if (file !== undefined) {
    return { file, watched: true, read: async () => at(listenHost, await readSpec(file)) };
  }
  const text = env[TEXT_VARIABLE];
  if (!text) return null;
  // A path of this name in the working folder: relative paths count from there.
  const parse = (): SpecText => ({ text, parsed: parseSpec(text, TEXT_VARIABLE) });
  return { file: TEXT_VARIABLE, watched: false, read: async () => at(listenHost, parse()) };
}

function at(host: string | null, { text, parsed }: SpecText): SpecText {
  return { text, parsed: host === null || !parsed.ok ? parsed : listeningOn(host, parsed) };
}

type Right = Extract<ParsedSpec, { ok: true }>;

function listeningOn(host: string, parsed: Right): Right {
  const { endpoints, admin } = parsed.spec;
  const spec: ProxySpec = {
    ...parsed.spec,
    endpoints: endpoints.map((each) => ({ ...each, host })),
    admin: { ...admin, host },
  };
  return { ...parsed, spec };
}
