import { readFile } from "node:fs/promises";
import { AuroraSession, auroraTls } from "./aurora-session.ts";
import type { AuroraFacts } from "./aurora-statement.ts";
import { FaultLink, type LinkAddress, type LinkSession } from "./fault-link.ts";
import type { TlsFiles } from "./tls-files.ts";

export interface AuroraLinkOptions {
  readonly server: () => LinkAddress;
  readonly facts: () => AuroraFacts;
  readonly tls: TlsFiles;
  readonly port?: number;
  readonly seed?: number;
}

/** The address of an instance that answers as Aurora's do, and whose network can be made bad. */
export class AuroraLink {
  readonly link: FaultLink;
  /** Sessions that have prepared a statement about topology. */
  readonly #prepared: Set<LinkSession>;

  private constructor(link: FaultLink, prepared: Set<LinkSession>) {
    this.link = link;
    this.#prepared = prepared;
  }

  static async start(options: AuroraLinkOptions): Promise<AuroraLink> {
    const { facts, server, port, seed } = options;
    const tls = auroraTls(
      await readFile(options.tls.certFile),
      await readFile(options.tls.keyFile),
    );
    const prepared = new Set<LinkSession>();
    const onPrepared = (session: LinkSession) => {
      if (prepared.has(session)) return;
      prepared.add(session);
      void session.ended.then(() => prepared.delete(session));
    };
    const link = await FaultLink.start({
      server,
      ...(port === undefined ? {} : { port }),
      ...(seed === undefined ? {} : { seed }),
      openSession: (ground) => new AuroraSession(ground, { tls, facts, onPrepared }),
    });
    return new AuroraLink(link, prepared);
  }

  /** Prepared statements hold the roles of their time: when roles change, their sessions end, as most do on Aurora. */
  rolesChanged(): void {
    for (const session of [...this.#prepared]) session.reset();
  }
}
