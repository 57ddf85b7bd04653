import type { EndpointView } from "../observe/state-view.ts";
import { SettingFault } from "../ports.ts";
import type { EndpointSpec } from "../spec/proxy-spec.ts";
import { Endpoint } from "./endpoint.ts";
import { namesOf } from "./iam-login.ts";
import { Listener } from "./listener.ts";
import type { Service } from "./service.ts";

interface Open {
  readonly spec: EndpointSpec;
  readonly listener: Listener;
  readonly port: number;
}

/** Endpoints that listen and are not yet, or not any more, those of the proxy. */
export type EndpointChange = readonly Open[];

/** The endpoints of a proxy, each with its listener. */
export class EndpointSet {
  readonly #service: Service;
  #open: readonly Open[] = [];
  /** Names of endpoints that are gone, until their last client is. */
  readonly #leaving = new Set<string>();

  constructor(service: Service) {
    this.#service = service;
  }

  /** Listens where the new endpoints want more than the present ones; undoes it all if one address cannot be had. */
  async prepare(specs: readonly EndpointSpec[]): Promise<EndpointChange> {
    const prepared: Open[] = [];
    try {
      for (const [i, spec] of specs.entries()) {
        const same = this.#open.find((open) => hasSameAddress(open.spec, spec));
        prepared.push(same === undefined ? await this.#listen(spec, i) : { ...same, spec });
      }
      return prepared;
    } catch (error) {
      for (const { listener } of prepared) if (!this.#has(listener)) listener.close();
      throw error;
    }
  }

  /** From now on these are the endpoints. Sessions of those that are gone stay. */
  adopt(next: EndpointChange): void {
    const old = this.#open;
    this.#open = next;
    for (const { listener } of old) if (!this.#has(listener)) listener.close();
    for (const { spec, listener, port } of next) {
      const before = old.find((open) => open.listener === listener);
      if (before !== undefined && isSameEndpoint(before.spec, spec)) continue;
      if (before !== undefined)
        listener.endpoint = new Endpoint(this.#service, spec.name, spec.targetRole);
      this.#tell(spec, port);
    }
    const names = new Set(next.map(({ spec }) => spec.name));
    for (const { spec } of old) if (!names.has(spec.name)) this.#leaving.add(spec.name);
    for (const name of names) this.#leaving.delete(name);
    const { keys } = this.#service.iam;
    const endpoints = next.flatMap(({ spec, port }) => namesOf(spec, port));
    this.#service.iam = { keys, endpoints };
  }

  /** Forgets the numbers of endpoints whose last client is gone. */
  sweep(): void {
    const { counters } = this.#service;
    for (const name of this.#leaving) {
      if (counters.endpoint(name).clientConnections > 0) continue;
      this.#leaving.delete(name);
      counters.dropEndpoint(name);
    }
  }

  close(): void {
    for (const { listener } of this.#open) listener.close();
  }

  views(): EndpointView[] {
    const { counters } = this.#service;
    return this.#open.map(({ spec: { name, targetRole, host }, port }) => {
      const { clientConnections } = counters.endpoint(name);
      return { name, targetRole, host, port, clientConnections };
    });
  }

  async #listen(spec: EndpointSpec, position: number): Promise<Open> {
    const endpoint = new Endpoint(this.#service, spec.name, spec.targetRole);
    const listener = new Listener(this.#service, endpoint);
    try {
      return { spec, listener, port: await listener.listen(spec.host, spec.port) };
    } catch (error) {
      const { message } = error as Error;
      throw new SettingFault(["endpoints", position, "port"], message, { cause: error });
    }
  }

  #has(listener: Listener): boolean {
    return this.#open.some((open) => open.listener === listener);
  }

  #tell({ name, targetRole: role, host }: EndpointSpec, port: number): void {
    const at = this.#service.epochMs();
    this.#service.events.emit({ kind: "proxy-listening", at, endpoint: name, role, host, port });
  }
}

/** An endpoint on any free port is known by its name. */
function hasSameAddress(left: EndpointSpec, right: EndpointSpec): boolean {
  if (left.host !== right.host || left.port !== right.port) return false;
  return left.port !== 0 || left.name === right.name;
}

function isSameEndpoint(left: EndpointSpec, right: EndpointSpec): boolean {
  return left.name === right.name && left.targetRole === right.targetRole;
}
