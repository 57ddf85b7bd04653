import { readFile, rename, writeFile } from "node:fs/promises";

/** Records of one kind by key. Records are plain JSON and never changed in place: whoever changes one sets another. */
export class Table<T> extends Map<string, T> {
  onChange: () => void = () => {};

  override set(key: string, value: T): this {
    super.set(key, value);
    this.onChange?.();
    return this;
  }

  override delete(key: string): boolean {
    const deleted = super.delete(key);
    if (deleted) this.onChange?.();
    return deleted;
  }
}

type Tables = Record<string, [string, unknown][]>;

/** Everything that the control plane remembers: in a file, where it is given one. */
export class Store {
  readonly #file: string | null;
  readonly #tables = new Map<string, Table<unknown>>();
  readonly #kept: Tables;
  #isDirty = false;
  #writing: Promise<void> | null = null;

  private constructor(file: string | null, kept: Tables) {
    this.#file = file;
    this.#kept = kept;
  }

  /** null keeps everything in memory only. */
  static async open(file: string | null): Promise<Store> {
    if (file === null) return new Store(null, {});
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "{}";
      throw error;
    });
    return new Store(file, JSON.parse(text) as Tables);
  }

  /** A table with what it held when the file was written. To be called once for each name. */
  table<T>(name: string): Table<T> {
    const table = new Table<T>();
    for (const [key, value] of this.#kept[name] ?? []) table.set(key, value as T);
    table.onChange = () => this.#changed();
    this.#tables.set(name, table as Table<unknown>);
    return table;
  }

  /** Resolves when everything is on the disk. */
  async flush(): Promise<void> {
    while (this.#isDirty || this.#writing !== null) await (this.#writing ?? this.#write());
  }

  #changed(): void {
    this.#isDirty = true;
    if (this.#file === null || this.#writing !== null) return;
    this.#writing = Promise.resolve()
      .then(() => this.#write())
      .finally(() => {
        this.#writing = null;
        if (this.#isDirty) this.#changed();
      });
    this.#writing.catch(() => {});
  }

  /** Secrets are in it: only its owner may read the file. */
  async #write(): Promise<void> {
    this.#isDirty = false;
    if (this.#file === null) return;
    const tables = Object.fromEntries([...this.#tables].map(([name, table]) => [name, [...table]]));
    await writeFile(`${this.#file}.new`, JSON.stringify(tables), { mode: 0o600 });
    await rename(`${this.#file}.new`, this.#file);
  }
}
