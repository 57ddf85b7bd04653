import { ResponseShape } from "../../proxy/wire/response-walker.ts";
import { Status } from "../../proxy/wire/status.ts";

/** How client and server talk, as far as it changes the form of responses. */
export interface Dialect {
  readonly deprecateEof: boolean;
  readonly optionalMetadata: boolean;
  readonly sessionTrack: boolean;
}

export const DIALECTS: readonly Dialect[] = [false, true].flatMap((deprecateEof) =>
  [false, true].flatMap((optionalMetadata) =>
    [false, true].map((sessionTrack) => ({ deprecateEof, optionalMetadata, sessionTrack })),
  ),
);

export function dialectName(dialect: Dialect): string {
  const names = Object.entries(dialect).flatMap(([name, on]) => (on ? [name] : []));
  return names.length === 0 ? "plain" : names.join("+");
}

/** One whole response, and what a walker must know at its end. */
export interface ResponseSample {
  readonly name: string;
  readonly shape: ResponseShape;
  readonly bytes: Buffer;
  readonly expected: {
    readonly status?: number;
    readonly warnings?: number;
    readonly rows?: number;
    readonly affectedRows?: number;
    readonly insertIdLow?: number;
    readonly insertIdHigh?: number;
    readonly errorCode?: number;
    readonly hadResultSet?: boolean;
    readonly statementId?: number;
  };
}

export const MAX_PAYLOAD = 0xffffff;

/** A payload as packets, continued where it is long. */
export function frame(payload: Buffer, sequence = 1): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (let next = sequence; ; next++) {
    const part = payload.subarray(at, at + MAX_PAYLOAD);
    parts.push(Buffer.from([part.length & 255, (part.length >> 8) & 255, part.length >> 16, next]));
    parts.push(part);
    at += part.length;
    if (part.length < MAX_PAYLOAD) return Buffer.concat(parts);
  }
}

export function lenenc(value: number): Buffer {
  if (value < 251) return Buffer.from([value]);
  const bytes = Buffer.alloc(9);
  bytes.writeUIntLE(value, 1, 6);
  if (value < 0x1_0000) return withHead(bytes, 0xfc, 3);
  if (value < 0x100_0000) return withHead(bytes, 0xfd, 4);
  return withHead(bytes, 0xfe, 9);
}

function withHead(bytes: Buffer, head: number, length: number): Buffer {
  bytes[0] = head;
  return bytes.subarray(0, length);
}

export function text(value: string | Buffer): Buffer {
  return Buffer.concat([lenenc(value.length), Buffer.from(value as Buffer)]);
}

const TRACKED = Buffer.from("\x01\x05\x04shop", "latin1");

function ok(dialect: Dialect, head: number, status: number, values = OK_VALUES): Buffer {
  const tracks = dialect.sessionTrack;
  const numbers = Buffer.alloc(4);
  numbers.writeUInt16LE(tracks ? status | Status.SESSION_STATE_CHANGED : status, 0);
  numbers.writeUInt16LE(values.warnings, 2);
  return Buffer.concat([
    Buffer.from([head]),
    lenenc(values.affected),
    lenenc(values.insertId),
    numbers,
    ...(tracks ? [text("information"), text(TRACKED)] : []),
  ]);
}

const OK_VALUES = { affected: 3, insertId: 0x1_2345_6789, warnings: 2 };

function eof(status: number, warnings = 2): Buffer {
  const bytes = Buffer.from([0xfe, 0, 0, 0, 0]);
  bytes.writeUInt16LE(warnings, 1);
  bytes.writeUInt16LE(status, 3);
  return bytes;
}

const ERR = Buffer.concat([
  Buffer.from([0xff, 0x28, 0x04]),
  Buffer.from("#42000You have an error"),
]);

/** As long as a server's, so that heads and rests of packets both occur. */
function column(name: string): Buffer {
  return Buffer.concat([
    ...["def", "shop", "t", "orders", name, name].map(text),
    Buffer.from([0x0c, 0x2d, 0, 0, 4, 0, 0, 0xfd, 0, 0, 0, 0, 0]),
  ]);
}

interface ResultSet {
  readonly columns: number;
  readonly rows: readonly Buffer[];
  readonly status: number;
  /** Of the end alone. */
  readonly endStatus?: number;
  /** With `optionalMetadata`: leaves the column definitions out. */
  readonly bare?: boolean;
  readonly failsAfterRows?: boolean;
}

function resultSet(dialect: Dialect, set: ResultSet): Buffer[] {
  const { columns, rows, status, bare = false } = set;
  const count = dialect.optionalMetadata
    ? Buffer.concat([lenenc(columns), Buffer.from([bare ? 0 : 1])])
    : lenenc(columns);
  const definitions = bare ? [] : Array.from({ length: columns }, (_, i) => column(`c${i}`));
  const { endStatus = status } = set;
  const end = dialect.deprecateEof ? ok(dialect, 0xfe, endStatus, END_VALUES) : eof(endStatus);
  return [
    count,
    ...definitions,
    ...(dialect.deprecateEof ? [] : [eof(status & ~Status.LAST_ROW_SENT, 0)]),
    ...rows,
    set.failsAfterRows === true ? ERR : end,
  ];
}

const END_VALUES = { affected: 0, insertId: 0, warnings: 2 };

/** The end of rows alone, as a fetch has it. */
function rowsEnd(dialect: Dialect, status: number): Buffer {
  return dialect.deprecateEof ? ok(dialect, 0xfe, status, END_VALUES) : eof(status);
}

function prepared(dialect: Dialect, parameters: number, columns: number, bare = false): Buffer[] {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(0x8000_0007, 1);
  head.writeUInt16LE(columns, 5);
  head.writeUInt16LE(parameters, 7);
  head.writeUInt16LE(1, 10);
  const first = dialect.optionalMetadata
    ? Buffer.concat([head, Buffer.from([bare ? 0 : 1])])
    : head;
  const end = dialect.deprecateEof ? [] : [eof(2, 0)];
  const block = (count: number, name: string): Buffer[] =>
    count === 0
      ? []
      : [...Array.from({ length: bare ? 0 : count }, (_, i) => column(`${name}${i}`)), ...end];
  return [first, ...block(parameters, "?"), ...block(columns, "c")];
}

function joined(payloads: readonly Buffer[]): Buffer {
  return Buffer.concat(payloads.map((payload, i) => frame(payload, (i + 1) & 255)));
}

const ROW = Buffer.concat([text("first"), Buffer.from([0xfb]), text("x".repeat(300))]);
const EMPTY_ROW = text("");
const BINARY_ROW = Buffer.concat([Buffer.from([0x00, 0x00, 7, 0, 0, 0]), text("value")]);
const DONE = Status.AUTOCOMMIT;
const MORE = Status.AUTOCOMMIT | Status.MORE_RESULTS_EXISTS;

/** Every kind of answer in one dialect, none of them large. */
export function responseSamples(dialect: Dialect): ResponseSample[] {
  const { RESULT } = ResponseShape;
  const status = dialect.sessionTrack ? DONE | Status.SESSION_STATE_CHANGED : DONE;
  const rowsStatus = dialect.deprecateEof ? status : DONE;
  const failed = { errorCode: 1064, affectedRows: -1 };
  const result = (name: string, set: ResultSet, expected: ResponseSample["expected"]) => ({
    name,
    shape: RESULT,
    bytes: joined(resultSet(dialect, set)),
    expected: { hadResultSet: true, ...expected },
  });
  const rows = (count: number) => ({
    rows: count,
    affectedRows: -1,
    status: rowsStatus,
    warnings: 2,
  });
  return [
    {
      name: "OK",
      shape: RESULT,
      bytes: joined([ok(dialect, 0, DONE)]),
      expected: {
        status,
        warnings: 2,
        affectedRows: 3,
        insertIdLow: 0x2345_6789,
        insertIdHigh: 1,
        hadResultSet: false,
      },
    },
    { name: "ERR", shape: RESULT, bytes: joined([ERR]), expected: failed },
    {
      name: "EOF of a command",
      shape: RESULT,
      bytes: joined([eof(DONE)]),
      expected: { status: DONE },
    },
    result("no rows", { columns: 3, rows: [], status: DONE }, rows(0)),
    result("a row", { columns: 3, rows: [ROW], status: DONE }, rows(1)),
    result("many rows", { columns: 3, rows: Array(700).fill(ROW), status: DONE }, rows(700)),
    result("an empty value", { columns: 1, rows: [EMPTY_ROW], status: DONE }, rows(1)),
    result("a row of NULL", { columns: 1, rows: [Buffer.from([0xfb])], status: DONE }, rows(1)),
    result("300 columns", { columns: 300, rows: [BINARY_ROW], status: DONE }, rows(1)),
    result("binary rows", { columns: 2, rows: [BINARY_ROW, BINARY_ROW], status: DONE }, rows(2)),
    result(
      "ERR among rows",
      { columns: 3, rows: [ROW, ROW], status: DONE, failsAfterRows: true },
      { rows: 2, ...failed },
    ),
    {
      name: "a cursor",
      shape: RESULT,
      bytes: joined(cursor(dialect)),
      expected: { hadResultSet: true, rows: 0 },
    },
    {
      name: "fetched rows",
      shape: ResponseShape.ROWS,
      bytes: joined([BINARY_ROW, BINARY_ROW, rowsEnd(dialect, DONE | Status.CURSOR_EXISTS)]),
      expected: { rows: 2 },
    },
    {
      name: "the last fetched rows",
      shape: ResponseShape.ROWS,
      bytes: joined([BINARY_ROW, rowsEnd(dialect, DONE | Status.LAST_ROW_SENT)]),
      expected: { rows: 1 },
    },
    { name: "a fetch refused", shape: ResponseShape.ROWS, bytes: joined([ERR]), expected: failed },
    {
      name: "several results",
      shape: RESULT,
      bytes: joined([
        ok(dialect, 0, MORE),
        ...resultSet(dialect, { columns: 2, rows: [ROW], status: MORE }),
        ...resultSet(dialect, { columns: 1, rows: [], status: MORE }),
        ok(dialect, 0, DONE),
      ]),
      expected: { status, affectedRows: 3, hadResultSet: true },
    },
    {
      name: "several results, then ERR",
      shape: RESULT,
      bytes: joined([...resultSet(dialect, { columns: 2, rows: [ROW], status: MORE }), ERR]),
      expected: { hadResultSet: true, ...failed },
    },
    {
      name: "OUT parameters",
      shape: RESULT,
      bytes: joined([
        ...resultSet(dialect, { columns: 1, rows: [BINARY_ROW], status: MORE }),
        ...resultSet(dialect, {
          columns: 2,
          rows: [BINARY_ROW],
          status: MORE | Status.PS_OUT_PARAMS,
        }),
        ok(dialect, 0, DONE),
      ]),
      expected: { status, hadResultSet: true },
    },
    {
      name: "OUT parameters of a server that tells of more behind the columns alone",
      shape: RESULT,
      bytes: joined([
        ...resultSet(dialect, {
          columns: 2,
          rows: [BINARY_ROW],
          status: MORE | Status.PS_OUT_PARAMS,
          endStatus: dialect.deprecateEof ? MORE : DONE,
        }),
        ok(dialect, 0, DONE),
      ]),
      expected: { status, hadResultSet: true },
    },
    ...preparations(dialect),
    ...(dialect.optionalMetadata
      ? [
          result("rows alone", { columns: 3, rows: [ROW, ROW], status: DONE, bare: true }, rows(2)),
          result("not even rows", { columns: 3, rows: [], status: DONE, bare: true }, rows(0)),
        ]
      : []),
    {
      name: "a field list",
      shape: ResponseShape.FIELD_LIST,
      bytes: joined([column("a"), column("b"), rowsEnd(dialect, DONE)]),
      expected: {},
    },
    {
      name: "an empty field list",
      shape: ResponseShape.FIELD_LIST,
      bytes: joined([rowsEnd(dialect, DONE)]),
      expected: {},
    },
    {
      name: "a field list refused",
      shape: ResponseShape.FIELD_LIST,
      bytes: joined([ERR]),
      expected: failed,
    },
    {
      name: "statistics",
      shape: ResponseShape.TEXT,
      bytes: joined([Buffer.from("Uptime: 1  Threads: 1  Questions: 3")]),
      expected: {},
    },
  ];
}

/** Opening a cursor sends columns and no rows; the old convention ends them with the EOF that carries the flag. */
function cursor(dialect: Dialect): Buffer[] {
  const status = DONE | Status.CURSOR_EXISTS;
  const count = dialect.optionalMetadata ? Buffer.from([1, 1]) : Buffer.from([1]);
  return [count, column("c"), rowsEnd(dialect, status)];
}

function preparations(dialect: Dialect): ResponseSample[] {
  const shape = ResponseShape.PREPARE;
  const expected = { statementId: 0x8000_0007, warnings: dialect.deprecateEof ? 1 : 0 };
  const samples: ResponseSample[] = [
    { name: "a preparation refused", shape, bytes: joined([ERR]), expected: { errorCode: 1064 } },
  ];
  for (const parameters of [0, 1, 5]) {
    for (const columns of [0, 1, 260]) {
      samples.push({
        name: `a statement of ${parameters} parameters and ${columns} columns`,
        shape,
        bytes: joined(prepared(dialect, parameters, columns)),
        expected:
          columns === 0 && (parameters === 0 || dialect.deprecateEof)
            ? { statementId: expected.statementId, warnings: 1 }
            : { statementId: expected.statementId },
      });
    }
  }
  if (dialect.optionalMetadata) {
    for (const [parameters, columns] of [
      [2, 2],
      [0, 2],
      [2, 0],
      [0, 0],
    ] as const) {
      samples.push({
        name: `a statement without metadata, of ${parameters} parameters and ${columns} columns`,
        shape,
        bytes: joined(prepared(dialect, parameters, columns, true)),
        expected: { statementId: expected.statementId },
      });
    }
  }
  return samples;
}

/** Responses around the length at which payloads are continued. */
export function largeSamples(dialect: Dialect): ResponseSample[] {
  return [-2, -1, 0, 1, MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1].map((over) => {
    const length = MAX_PAYLOAD + over;
    const value = Buffer.alloc(length, 0xfe);
    const head = lenenc(length - 9);
    head.copy(value);
    const row = value.subarray(0, length);
    return {
      name: `a row of 2^24-1${over < 0 ? over : `+${over}`} bytes`,
      shape: ResponseShape.RESULT,
      bytes: joined(resultSet(dialect, { columns: 1, rows: [ROW, row, ROW], status: DONE })),
      expected: { rows: 3, hadResultSet: true },
    };
  });
}
