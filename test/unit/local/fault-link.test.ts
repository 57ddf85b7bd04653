import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FaultLink } from "../../../local/fault-link.ts";
import { seededRandom } from "../../../local/seeded-random.ts";
import { until } from "../../support/until.ts";

describe("a fault link", () => {
  let echo: Server;
  let link: FaultLink;
  let atServer: Socket[];
  beforeEach(async () => {
    atServer = [];
    echo = createServer((socket) => {
      atServer.push(socket);
      socket.on("error", () => {}).pipe(socket);
    });
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    const { port } = echo.address() as AddressInfo;
    link = await FaultLink.start({ server: () => ({ host: "127.0.0.1", port }), seed: 7 });
  });
  afterEach(async () => {
    await link.stop();
    echo.close();
  });

  async function client(): Promise<Socket> {
    const socket = connect(link.port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  }

  /** Sends a text and gives what came back, and after how many milliseconds. */
  async function say(socket: Socket, text: string): Promise<[string, number]> {
    const began = performance.now();
    socket.write(text);
    const [data] = (await once(socket, "data")) as [Buffer];
    return [data.toString(), performance.now() - began];
  }

  test("passes bytes and ends as they are", async () => {
    const socket = await client();
    expect((await say(socket, "hello"))[0]).toBe("hello");
    socket.end();
    await once(socket, "close");
    await until(() => link.sessions === 0, { what: "the end of the session" });
  });

  test("ends the session of a client that was gone before it began", async () => {
    const gone = await client();
    gone.destroy();
    await once(gone, "close");
    link.take(gone);
    await until(() => link.sessions === 0, { what: "the end of the session" });
  });

  test("stops although somebody takes no more", async () => {
    const deaf = await client();
    deaf.pause();
    await until(() => atServer.length > 0, { what: "the server's end" });
    atServer[0]!.write(Buffer.alloc(32 << 20));
    await until(() => atServer[0]!.writableLength > 0, { what: "a full way" });
    await link.stop();
    expect(link.sessions).toBe(0);
  });

  test("delays each way, and answers more, in order", async () => {
    link.set({ delayMs: 40, jitterMs: 10, answerDelayMs: 30 });
    const socket = await client();
    expect((await say(socket, "slow"))[1]).toBeGreaterThanOrEqual(105);
    let text = "";
    socket.on("data", (data) => {
      text += String(data);
    });
    for (const letter of "abcdefgh") socket.write(letter);
    await until(() => text === "abcdefgh", { what: "all letters in order" });
  });

  test("holds everything back while packets are dropped, and tells nobody of ends", async () => {
    const socket = await client();
    await say(socket, "before");
    link.set({ dropped: true });
    let heard = "";
    socket.on("data", (data) => {
      heard += String(data);
    });
    socket.write("lost?");
    const other = await client();
    other.write("x");
    await new Promise((resolve) => setImmediate(resolve));
    atServer[0]!.write("from the server");
    await until(() => link.sessions === 2, { what: "a session that nobody serves" });
    expect(heard).toBe("");
    link.heal();
    await until(() => heard.includes("lost?") && heard.includes("from the server"), {
      what: "what was held back",
    });
  });

  test("resets connections, refuses new ones, and takes them again on the same port", async () => {
    const { port } = link;
    const socket = await client();
    await say(socket, "here");
    const failed = once(socket, "error").catch((error: unknown) => [error]);
    link.reset();
    expect(((await failed)[0] as { code: string }).code).toBe("ECONNRESET");
    link.refuse();
    await expect(client()).rejects.toThrow(/ECONNREFUSED/);
    await link.accept();
    expect(link.port).toBe(port);
    expect((await say(await client(), "again"))[0]).toBe("again");
  });

  test("leaves a client half open when the server's end is gone", async () => {
    const socket = await client();
    await say(socket, "here");
    const closed = once(atServer[0]!, "close");
    link.halfOpen();
    await closed;
    socket.write("to nobody");
    await until(() => socket.bytesWritten === 13, { what: "the bytes to be taken" });
    expect(socket.destroyed).toBe(false);
    socket.destroy();
    await until(() => link.sessions === 0, { what: "the end of the session" });
  });

  test("resets by chance, the same chance for the same seed", async () => {
    link.set({ resetChance: 1 });
    const socket = await client();
    socket.write("x");
    await until(() => socket.destroyed, { what: "the reset" });
    const draw = (seed: number) => Array.from({ length: 5 }, seededRandom(seed));
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
  });
});
