import { describe, expect, test } from "vitest";
import { signIn } from "../../../proxy/net/refusal.ts";
import { encodeErr } from "../../../proxy/wire/err.ts";
import { framePacket } from "../../../proxy/wire/writer.ts";

function sign(errno: number, message: string): string {
  const packet = framePacket(encodeErr({ errno, sqlState: "HY000", message }), 1);
  return signIn(errno, packet, packet.length);
}

describe("an error of a writer", () => {
  test.each([
    "The MySQL server is running with the --read-only option so it cannot execute this statement",
    "The MySQL server is running with the --super-read-only option so it cannot execute this statement",
    "The MariaDB server is running with the --read-only option so it cannot execute this statement",
    "The MySQL server is running with the --innodb-read-only option so it cannot execute this statement",
  ])("says that it is none any more: %s", (message) => {
    expect(sign(1290, message)).toBe("read-only");
  });

  test("says so by number alone where the number has one meaning", () => {
    expect(sign(1836, "Running in read-only mode")).toBe("read-only");
  });

  test.each(["--secure-file-priv", "--skip-grant-tables", "--skip-name-resolve"])(
    "about %s says nothing of the kind",
    (option) => {
      const message = `The MySQL server is running with the ${option} option so it cannot execute this statement`;
      expect(sign(1290, message)).toBe("none");
    },
  );

  test("may be a reason to ask", () => {
    expect(sign(1053, "Server shutdown in progress")).toBe("doubt");
    expect(sign(1792, "Cannot execute statement in a READ ONLY transaction.")).toBe("doubt");
  });

  test("of any other kind is the client's business", () => {
    expect(sign(1062, "Duplicate entry 'read-only' for key 'PRIMARY'")).toBe("none");
  });
});
