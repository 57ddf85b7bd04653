import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import type { Link, LinkOwner } from "../../../proxy/net/link.ts";
import { StreamLink } from "../../../proxy/net/stream-link.ts";
import { acceptTls, makeOwnTls } from "../../../proxy/net/tls.ts";

const TLS = makeOwnTls("tested", ["localhost"], Date.now());
/** What a client sends before its hello. */
const REQUEST = "request";

let server: Server | null = null;
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
});

/** Upgrades each client's link once the request has come; resolves to what became of the first. */
function listen(cancel = false): { port: Promise<number>; outcome: Promise<Link | null> } {
  let told: (link: Link | null) => void;
  const outcome = new Promise<Link | null>((resolve) => {
    told = resolve;
  });
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.push(socket);
    const owner: LinkOwner = { onBytes() {}, onEnd() {}, onDrained() {}, onClosed() {} };
    const link = new StreamLink(socket, owner, false);
    owner.onBytes = (bytes, end) => {
      const early = Buffer.from(bytes.subarray(REQUEST.length, end));
      const giveUp = acceptTls(link, owner, TLS, early, told);
      if (cancel) giveUp();
    };
    link.resume();
  });
  server.listen(0, "127.0.0.1");
  const port = once(server, "listening").then(() => (server!.address() as AddressInfo).port);
  return { port, outcome };
}

async function request(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  sockets.push(socket);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

describe("a TLS upgrade of a link over a stream", () => {
  it.each([true, false])(
    "succeeds, the hello in one piece with the request: %s",
    async (joined) => {
      const { port, outcome } = listen();
      const socket = await request(await port);
      if (joined) socket.cork();
      socket.write(REQUEST);
      if (!joined) await new Promise((resolve) => socket.write("", resolve));
      const secure = connectTls({ socket, rejectUnauthorized: false });
      sockets.push(secure);
      if (joined) setImmediate(() => socket.uncork());
      await once(secure, "secureConnect");
      const link = await outcome;
      expect(link?.encrypted).toBe(true);
      expect(link?.remoteAddress).toBe("127.0.0.1");
    },
  );

  it("fails where the client hangs up or sends something else", async () => {
    for (const bytes of ["", "this is no hello, whatever else it may be"]) {
      const { port, outcome } = listen();
      const socket = await request(await port);
      socket.end(REQUEST + bytes);
      expect(await outcome).toBe(null);
      server?.close();
    }
  });

  it("is over at once where it is given up", async () => {
    const { port } = listen(true);
    const socket = await request(await port);
    socket.write(REQUEST);
    await once(socket.resume(), "close");
  });
});
