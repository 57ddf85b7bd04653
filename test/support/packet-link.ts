import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { framePacket } from "../../proxy/wire/writer.ts";

/** A socket that speaks in packets, one at a time: enough to try the codec on real peers, and no more. */
export class PacketLink {
  #socket: Socket;
  #sequence = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
  }

  static async to(host: string, port: number): Promise<PacketLink> {
    const socket = connectSocket({ host, port });
    await once(socket, "connect");
    return new PacketLink(socket);
  }

  /** The next payload; throws when the peer closes instead. */
  async read(): Promise<Buffer> {
    const header = await this.#bytes(4);
    this.#sequence = (header[3]! + 1) & 0xff;
    return this.#bytes(header.readUIntLE(0, 3));
  }

  write(payload: Buffer): void {
    this.#socket.write(framePacket(payload, this.#sequence++));
  }

  /** The first packet of a command. */
  writeCommand(payload: Buffer): void {
    this.#sequence = 0;
    this.write(payload);
  }

  /** From here on under TLS, whoever the peer is. */
  async startTls(): Promise<void> {
    this.#socket = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    this.#socket.on("error", () => {});
    await once(this.#socket, "secureConnect");
  }

  close(): void {
    this.#socket.destroy();
  }

  async #bytes(length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    for (;;) {
      const bytes = this.#socket.read(length) as Buffer | null;
      if (bytes?.length === length) return bytes;
      if (this.#socket.readableEnded || this.#socket.destroyed)
        throw new Error("The peer closed the connection");
      await this.#stirring();
    }
  }

  /** Until there may be something to read, or nothing more will come. */
  #stirring(): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off("readable", done).off("close", done);
        resolve();
      };
      socket.on("readable", done).on("close", done);
    });
  }
}
