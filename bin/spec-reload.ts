/** Takes changes of the configuration file over into a running proxy. A file that is wrong changes nothing. */
import type { EventBus } from "../proxy/observe/events.ts";
import { type ProxyHandle, SettingFault } from "../proxy/ports.ts";
import { diffSpec, reloadablePart, type SpecChange } from "../proxy/spec/diff-spec.ts";
import type { ProxySpec, SpecProblem } from "../proxy/spec/proxy-spec.ts";
import { checkPasswords } from "../proxy/spec/resolve-password.ts";
import { passwordSources, problemOfSetting, wholeFileProblem } from "./spec-file.ts";
import type { SpecSource } from "./spec-source.ts";

export interface ReloadOptions {
  readonly source: SpecSource;
  readonly spec: ProxySpec;
  /** The text that the spec was read from. */
  readonly text: string;
  readonly handle: Pick<ProxyHandle, "apply">;
  readonly events: EventBus;
  /** Called with what is in force after each reload. */
  readonly onApplied: (spec: ProxySpec) => void;
}

export class SpecReload {
  readonly #options: ReloadOptions;
  #spec: ProxySpec;
  #text: string;
  /** Reloads run one after the other. */
  #running: Promise<void> = Promise.resolve();

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#spec = options.spec;
    this.#text = options.text;
  }

  /** Somebody asked (SIGHUP): certificates and password files are read again even where the file is the same. */
  requested(): Promise<void> {
    return this.#enqueue(true);
  }

  /** The file may have changed. */
  noticed(): Promise<void> {
    return this.#enqueue(false);
  }

  #enqueue(evenIfSame: boolean): Promise<void> {
    this.#running = this.#running
      .then(() => this.#reload(evenIfSame))
      .catch((fault) => this.#refuse([this.#problemOf(fault)]));
    return this.#running;
  }

  #problemOf(fault: unknown): SpecProblem {
    const { file } = this.#options.source;
    if (fault instanceof SettingFault) return problemOfSetting(file, this.#text, fault);
    return wholeFileProblem(file, fault instanceof Error ? fault.message : String(fault));
  }

  async #reload(evenIfSame: boolean): Promise<void> {
    const { source, handle, events, onApplied } = this.#options;
    const { text, parsed } = await source.read();
    if (text === this.#text && !evenIfSame) return;
    this.#text = text ?? "";
    if (!parsed.ok) return this.#refuse(parsed.problems);
    const missing = checkPasswords(parsed.spec, passwordSources(source.file));
    if (missing.length > 0) return this.#refuse(missing);
    const taken = reloadablePart(this.#spec, parsed.spec);
    const changes = diffSpec(this.#spec, parsed.spec);
    await handle.apply(taken);
    this.#spec = taken;
    onApplied(taken);
    events.emit({ kind: "spec-reloaded", at: Date.now(), changes: changes.map(changeLine) });
  }

  #refuse(problems: readonly SpecProblem[]): void {
    this.#options.events.emit({ kind: "spec-refused", at: Date.now(), problems });
  }
}

function changeLine({ key, effect, reason }: SpecChange): string {
  const when = {
    live: "now",
    newSessions: "for new sessions",
    restart: "not before the next start",
  };
  return `${key} ${when[effect]} (${reason})`;
}
