import { Capability } from "../../proxy/wire/capabilities.ts";
import { Command } from "../../proxy/wire/command.ts";
import { type Address, LinkLost, type Login, type Packets, RawClient } from "./raw-client.ts";
import type { Shape } from "./response-end.ts";
import type { Parameter, Profile, Script, Step } from "./script.ts";

/** What a client was told in one step: the packets of each answer, or why there was none. */
export type Told = readonly (Packets | string)[];

export interface Account {
  readonly user: string;
  readonly password: string;
}

export interface Stage {
  /** Where the script is played. */
  readonly address: Address;
  /** The server itself, for the connection against which deadlocks are lost. */
  readonly server: Address;
  readonly accounts: readonly [Account, Account];
}

const PROFILES: Record<Profile, number> = {
  modern: Capability.DEPRECATE_EOF | Capability.SESSION_TRACK | Capability.MULTI_STATEMENTS,
  plain: 0,
  odd: Capability.FOUND_ROWS | Capability.QUERY_ATTRIBUTES | Capability.DEPRECATE_EOF,
};

/** Plays a script as one client. Calls back after each step; stops where that says so. */
export async function perform(
  script: Script,
  stage: Stage,
  onStep: (told: Told, index: number) => boolean,
): Promise<void> {
  const performer = new Performer(script, stage);
  try {
    for (const [index, step] of script.steps.entries()) {
      const told = await performer.step(step);
      if (!onStep(told, index)) return;
    }
  } finally {
    await performer.end();
  }
}

class Performer {
  readonly #script: Script;
  readonly #stage: Stage;
  #client: RawClient | null = null;
  /** Statement ids by slot. */
  readonly #statements = new Map<number, number>();
  #user = 0;

  constructor(script: Script, stage: Stage) {
    this.#script = script;
    this.#stage = stage;
  }

  async step(step: Step): Promise<Told> {
    try {
      if (this.#client === null && step.do !== "reconnect") {
        const { schema, charset } = this.#script;
        const login = await this.#connect(schema, charset);
        return [login, ...(await this.#step(step))];
      }
      return await this.#step(step);
    } catch (error) {
      if (!(error instanceof LinkLost)) throw error;
      this.#client?.destroy();
      this.#client = null;
      return [error.message];
    }
  }

  async end(): Promise<void> {
    await this.#client?.quit();
    this.#client = null;
  }

  async #step(step: Step): Promise<Told> {
    switch (step.do) {
      case "reconnect":
        await this.end();
        return [await this.#connect(step.schema, step.charset)];
      case "change-user":
        return this.#changeUser(step);
      case "deadlock":
        return this.#deadlock();
      case "prepare":
        return this.#prepare(step);
      default: {
        const [payload, shape] = this.#command(step);
        return [await this.#ask(payload, shape)];
      }
    }
  }

  #ask(payload: Buffer, shape: Shape): Promise<Packets> {
    return (this.#client as RawClient).ask(payload, shape);
  }

  #login(user: number, schema: string, charset: number): Login {
    const account = this.#stage.accounts[user] as Account;
    return { ...account, schema, charset, capabilities: PROFILES[this.#script.profile] };
  }

  async #connect(schema: string, charset: number): Promise<Packets> {
    this.#user = 0;
    this.#statements.clear();
    const opened = await RawClient.open(
      this.#stage.address,
      this.#login(this.#user, schema, charset),
    );
    this.#client = opened.client;
    return [unnumbered(opened.last)];
  }

  async #changeUser(step: Step & { do: "change-user" }): Promise<Told> {
    this.#statements.clear();
    const login = this.#login(step.user, step.schema, step.charset);
    return [[unnumbered(await (this.#client as RawClient).changeUser(login))]];
  }

  async #prepare(step: Step & { do: "prepare" }): Promise<Told> {
    const packets = await this.#ask(command(Command.STMT_PREPARE, step.sql), "prepare");
    const first = (packets[0] as Buffer).subarray(4);
    if (first[0] === 0) this.#statements.set(step.slot, first.readUInt32LE(1));
    else this.#statements.delete(step.slot);
    return [packets];
  }

  #command(step: Step): [Buffer, Shape] {
    switch (step.do) {
      case "query":
        return [this.#query(step.sql), "result"];
      case "init-db":
        return [command(Command.INIT_DB, step.schema), "result"];
      case "ping":
        return [command(Command.PING, ""), "result"];
      case "reset":
        this.#statements.clear();
        return [command(Command.RESET_CONNECTION, ""), "result"];
      case "set-option":
        return [command(Command.SET_OPTION, step.multiStatements ? "\0\0" : "\x01\0"), "result"];
      case "field-list":
        return [command(Command.FIELD_LIST, `${step.table}\0`), "fields"];
      default:
        return this.#statementCommand(step);
    }
  }

  #statementCommand(step: Step): [Buffer, Shape] {
    switch (step.do) {
      case "execute":
        return [this.#execute(step), "result"];
      case "fetch": {
        const payload = Buffer.alloc(9);
        payload[0] = Command.STMT_FETCH;
        payload.writeUInt32LE(this.#statement(step.slot), 1);
        payload.writeUInt32LE(step.rows, 5);
        return [payload, "rows"];
      }
      case "long-data": {
        const head = Buffer.alloc(7);
        head[0] = Command.STMT_SEND_LONG_DATA;
        head.writeUInt32LE(this.#statement(step.slot), 1);
        head.writeUInt16LE(step.parameter, 5);
        return [Buffer.concat([head, Buffer.from(step.data, "latin1")]), "none"];
      }
      case "reset-statement":
        return [this.#onStatement(Command.STMT_RESET, step.slot), "result"];
      case "close-statement": {
        const payload = this.#onStatement(Command.STMT_CLOSE, step.slot);
        this.#statements.delete(step.slot);
        return [payload, "none"];
      }
      default:
        throw new Error(`no command for ${step.do}`);
    }
  }

  #query(sql: string): Buffer {
    const attributes =
      ((this.#client as RawClient).capabilities & Capability.QUERY_ATTRIBUTES) !== 0;
    return command(Command.QUERY, attributes ? `\0\x01${sql}` : sql);
  }

  /** One that no server has given, where nothing is prepared. */
  #statement(slot: number): number {
    return this.#statements.get(slot) ?? 0x7fff_fff0;
  }

  #onStatement(code: number, slot: number): Buffer {
    const payload = Buffer.alloc(5);
    payload[0] = code;
    payload.writeUInt32LE(this.#statement(slot), 1);
    return payload;
  }

  #execute(step: Step & { do: "execute" }): Buffer {
    const { parameters, cursor } = step;
    const attributes =
      ((this.#client as RawClient).capabilities & Capability.QUERY_ATTRIBUTES) !== 0;
    const head = Buffer.alloc(10);
    head[0] = Command.STMT_EXECUTE;
    head.writeUInt32LE(this.#statement(step.slot), 1);
    head[5] = cursor ? 1 : 0;
    head.writeUInt32LE(1, 6);
    if (parameters.length === 0) return head;
    const nulls = Buffer.alloc((parameters.length + 7) >> 3);
    const types: Buffer[] = [];
    const values: Buffer[] = [];
    parameters.forEach((value, i) => {
      if (value === null) nulls[i >> 3] = (nulls[i >> 3] as number) | (1 << (i & 7));
      const [type, bytes] = encodeParameter(value);
      types.push(Buffer.from(attributes ? [type, 0, 0] : [type, 0]));
      values.push(bytes);
    });
    const count = attributes ? [Buffer.from([parameters.length])] : [];
    return Buffer.concat([head, ...count, nulls, Buffer.from([1]), ...types, ...values]);
  }

  /** The other side changes many rows, so that this one is always the victim. */
  async #deadlock(): Promise<Told> {
    const { schema } = this.#script;
    const other = (
      await RawClient.open(this.#stage.server, {
        ...this.#login(0, schema, 45),
        capabilities: 0,
      })
    ).client;
    const run = (sql: string): Promise<Packets> => other.ask(command(Command.QUERY, sql), "result");
    try {
      await run("BEGIN");
      await run(`UPDATE ${schema}.dl SET v = v + 1 WHERE id <= 20`);
      const told: Packets[] = [];
      for (const sql of ["BEGIN", `UPDATE ${schema}.dl SET v = v + 1 WHERE id = 30`])
        told.push(await this.#ask(this.#query(sql), "result"));
      const blocked = run(`UPDATE ${schema}.dl SET v = v + 1 WHERE id = 30`);
      told.push(
        await this.#ask(this.#query(`UPDATE ${schema}.dl SET v = v + 1 WHERE id = 1`), "result"),
      );
      // Where the script's client holds no lock after all, e.g. in a transaction that may not write, this ends as well.
      await blocked;
      await run("ROLLBACK");
      return told;
    } finally {
      other.destroy();
    }
  }
}

/** The last packet of a login, whose number tells how many went before: that is between a plugin and its server. */
function unnumbered(packet: Buffer): Buffer {
  const copy = Buffer.from(packet);
  copy[3] = 0;
  return copy;
}

function encodeParameter(value: Parameter): [type: number, bytes: Buffer] {
  if (value === null) return [0x06, Buffer.alloc(0)];
  if (typeof value === "string") {
    const bytes = Buffer.from(value, "latin1");
    const length =
      bytes.length < 251
        ? Buffer.from([bytes.length])
        : Buffer.from([0xfd, bytes.length & 0xff, (bytes.length >> 8) & 0xff, bytes.length >> 16]);
    return [0xfd, Buffer.concat([length, bytes])];
  }
  const bytes = Buffer.alloc(8);
  if (Number.isInteger(value)) {
    bytes.writeBigInt64LE(BigInt(value));
    return [0x08, bytes];
  }
  bytes.writeDoubleLE(value);
  return [0x05, bytes];
}

function command(code: number, body: string): Buffer {
  return Buffer.concat([Buffer.from([code]), Buffer.from(body, "latin1")]);
}
