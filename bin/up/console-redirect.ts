import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** The console's address until there is a console: leads to the admin server's index. */
export class ConsoleRedirect {
  readonly #server: Server;

  private constructor(target: string) {
    this.#server = createServer((_, response) => {
      response.writeHead(302, { location: target, "content-length": 0 }).end();
    });
  }

  static async start(port: number, target: string): Promise<ConsoleRedirect> {
    const redirect = new ConsoleRedirect(target);
    await new Promise<void>((resolve, reject) => {
      redirect.#server.once("error", reject);
      redirect.#server.listen(port, "127.0.0.1", resolve);
    });
    return redirect;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
