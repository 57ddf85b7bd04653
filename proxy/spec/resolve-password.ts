import { Concealed } from "./concealed.ts";
import type { CredentialSpec, PasswordRef, ProxySpec, SpecProblem } from "./proxy-spec.ts";

/** What passwords are looked up in. */
export interface PasswordSources {
  env(name: string): string | undefined;
  /** The text of a file; throws where it cannot be read. Relative paths count from the configuration file. */
  readText(path: string): string;
}

export type ResolvedPassword =
  | { readonly ok: true; readonly password: Concealed }
  | { readonly ok: false; readonly problem: SpecProblem };

/** Looks up the password that a reference stands for. */
export function resolvePassword(ref: PasswordRef, sources: PasswordSources): ResolvedPassword {
  switch (ref.from) {
    case "value":
      return { ok: true, password: ref.value };
    case "env": {
      const text = sources.env(ref.name);
      if (text !== undefined) return { ok: true, password: new Concealed(text) };
      return refusal(ref, `The environment variable ${ref.name} is not set.`);
    }
    case "file":
      try {
        // Editors and `echo` end a file with a line break that is no part of the password.
        return {
          ok: true,
          password: new Concealed(sources.readText(ref.path).replace(/\r?\n$/, "")),
        };
      } catch (fault) {
        return refusal(ref, `The file ${ref.path} cannot be read: ${reasonOf(fault)}.`);
      }
  }
}

/** The problems of all passwords of a spec: empty when each of them is there. */
export function checkPasswords(spec: ProxySpec, sources: PasswordSources): SpecProblem[] {
  const problems: SpecProblem[] = [];
  for (const ref of passwordRefs(spec)) {
    const resolved = resolvePassword(ref, sources);
    if (!resolved.ok) problems.push(resolved.problem);
  }
  return problems;
}

function passwordRefs(spec: ProxySpec): PasswordRef[] {
  const credentials: (CredentialSpec | null)[] = spec.auth.map((entry) => entry.credential);
  credentials.push(spec.target.monitor.credential);
  return credentials.flatMap((each) => (each?.from === "password" ? [each.password] : []));
}

function refusal(ref: PasswordRef, message: string): ResolvedPassword {
  return { ok: false, problem: { ...ref.at, message } };
}

/** Node's code (`ENOENT`) where there is one: its message repeats the path. */
function reasonOf(fault: unknown): string {
  if (fault instanceof Error) return "code" in fault ? String(fault.code) : fault.message;
  return String(fault);
}
