import type { InstanceAddress } from "../ports.ts";
import type { Service } from "./service.ts";

export type FindInstances = (
  clusterIdentifier: string,
) => Promise<ReadonlyMap<string, InstanceAddress>>;

/** Between two questions: whoever answers them counts them. */
const PAUSE_MS = 5_000;

/** Asks elsewhere where instances are that are known by their ids only. */
export class InstanceFinder {
  readonly #service: Service;
  readonly #find: FindInstances;
  #nextMs = 0;
  #asking = false;

  constructor(service: Service, find: FindInstances) {
    this.#service = service;
    this.#find = find;
  }

  /** To be called while there are such instances; tells when there is an answer. */
  want(now: number, found: (addresses: ReadonlyMap<string, InstanceAddress>) => void): void {
    if (this.#asking || now < this.#nextMs) return;
    this.#asking = true;
    const cluster = this.#service.spec.target.clusterIdentifier;
    this.#find(cluster)
      .then(found)
      .catch((error: unknown) => {
        const detail = error instanceof Error ? error.message : String(error);
        const at = this.#service.epochMs();
        this.#service.events.emit({ kind: "instances-not-found", at, cluster, detail });
      })
      .finally(() => {
        this.#asking = false;
        this.#nextMs = this.#service.monotonicMs() + PAUSE_MS;
      });
  }
}
