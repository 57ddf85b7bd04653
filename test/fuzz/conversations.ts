import { Capability } from "../../proxy/wire/capabilities.ts";
import { Command } from "../../proxy/wire/command.ts";
import type { Random } from "../support/random.ts";
import { commandBytes, executeBody, number4 } from "../support/raw-client.ts";
import { text } from "../support/response-samples.ts";
import { randomBytes } from "./mutations.ts";

const { DEPRECATE_EOF, SESSION_TRACK, OPTIONAL_RESULTSET_METADATA, QUERY_ATTRIBUTES, LOCAL_FILES } =
  Capability;

/** Capabilities that clients log in with. */
export function someFlags(random: Random): number {
  let flags = 0;
  for (const flag of [
    DEPRECATE_EOF,
    SESSION_TRACK,
    OPTIONAL_RESULTSET_METADATA,
    QUERY_ATTRIBUTES,
    LOCAL_FILES,
  ])
    if (random.chance(0.5)) flags |= flag;
  return flags >>> 0;
}

const TEXTS = [
  "SELECT 1",
  "SELECT REPEAT('x', 100000)",
  "SELECT 1; SELECT 2; SELECT 3",
  "SET NAMES latin1",
  "SET @x = 1",
  "START TRANSACTION",
  "COMMIT",
  "USE information_schema",
  "SELECT @x, DATABASE(), LAST_INSERT_ID()",
  "INSERT INTO fuzz (name) VALUES ('a')",
  "SELECT * FROM fuzz LIMIT 20",
  "LOAD DATA LOCAL INFILE 'x' INTO TABLE fuzz (name)",
  "SET resultset_metadata = NONE",
  "SHOW WARNINGS",
  "SELECT SLEEP(0.05)",
  "KILL QUERY 5",
  "SELEKT",
  "PREPARE p FROM 'SELECT ?'",
  "CREATE TEMPORARY TABLE IF NOT EXISTS tt (id INT)",
  `SELECT '${"y".repeat(20_000)}'`,
];

/** A valid command, as bytes. */
export function someCommand(random: Random, flags: number): Buffer {
  const id = 1 + random.int(3);
  switch (random.int(14)) {
    case 0:
      return commandBytes(Command.PING);
    case 1:
      return commandBytes(
        Command.STMT_PREPARE,
        random.pick(["SELECT ?", "SELECT 1", "SELEKT", random.pick(TEXTS)]),
      );
    case 2:
      return commandBytes(
        Command.STMT_EXECUTE,
        executeBody(
          id,
          random.int(2),
          Buffer.concat([Buffer.from([0, 1, 0xfd, 0]), text("v".repeat(random.int(300)))]),
        ),
      );
    case 3:
      return commandBytes(Command.STMT_FETCH, Buffer.concat([number4(id), number4(random.int(5))]));
    case 4:
      return commandBytes(Command.STMT_CLOSE, number4(id));
    case 5:
      return commandBytes(Command.RESET_CONNECTION);
    case 6:
      return commandBytes(Command.INIT_DB, "information_schema");
    case 7:
      return commandBytes(random.int(256), randomBytes(random, 60));
    case 8:
      return commandBytes(Command.FIELD_LIST, "fuzz\0%");
    case 9:
      return commandBytes(Command.STATISTICS);
    default: {
      const attributes = (flags & QUERY_ATTRIBUTES) !== 0 ? Buffer.from([0, 1]) : Buffer.alloc(0);
      return commandBytes(
        Command.QUERY,
        Buffer.concat([attributes, Buffer.from(random.pick(TEXTS))]),
      );
    }
  }
}
