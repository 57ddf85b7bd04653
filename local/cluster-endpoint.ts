import { createServer, type Server, type Socket } from "node:net";
import { type FaultLink, resetSocket } from "./fault-link.ts";

const HOST = "127.0.0.1";

/**
 * An address that leads somewhere else from time to time, as a name in the DNS does: whoever connects gets the instance that it
 * names now. Connections that stand stay where they are.
 */
export class ClusterEndpoint {
  readonly host = HOST;
  readonly #listener: Server;
  #links: readonly FaultLink[];
  #turn = 0;

  private constructor(links: readonly FaultLink[]) {
    this.#links = links;
    this.#listener = createServer({ noDelay: true, allowHalfOpen: true }, (client) =>
      this.#open(client),
    );
  }

  static async start(links: readonly FaultLink[], port = 0): Promise<ClusterEndpoint> {
    const endpoint = new ClusterEndpoint(links);
    await endpoint.#listen(port).catch(() => endpoint.#listen(0));
    return endpoint;
  }

  get port(): number {
    const address = this.#listener.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** From now on it leads to these, in turn. */
  pointTo(links: readonly FaultLink[]): void {
    this.#links = links;
  }

  async stop(): Promise<void> {
    // Its clients are the links', which end them; waiting for them here could be for ever.
    this.#listener.close();
  }

  #listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#listener.once("error", reject);
      this.#listener.listen(port, HOST, 1_024, () => {
        this.#listener.off("error", reject);
        resolve();
      });
    });
  }

  #open(client: Socket): void {
    client.on("error", () => {});
    const link = this.#links[this.#turn++ % Math.max(1, this.#links.length)];
    if (link === undefined) resetSocket(client);
    else link.take(client);
  }
}
