import type { Ground } from "../ground.ts";
import { FAULTS } from "./faults.ts";
import type { ClusterRecord, EndpointRecord, InstanceRecord, ProxyRecord } from "./records.ts";

/** ARNs of what RDS has. */
export class Arns {
  readonly #prefix: string;

  constructor({ region, accountId }: Ground) {
    this.#prefix = `arn:aws:rds:${region}:${accountId}`;
  }

  proxy({ id }: Pick<ProxyRecord, "id">): string {
    return `${this.#prefix}:db-proxy:${id}`;
  }

  targetGroup({ targetGroupId }: Pick<ProxyRecord, "targetGroupId">): string {
    return `${this.#prefix}:target-group:${targetGroupId}`;
  }

  endpoint({ id }: Pick<EndpointRecord, "id">): string {
    return `${this.#prefix}:db-proxy-endpoint:${id}`;
  }

  cluster({ id }: Pick<ClusterRecord, "id">): string {
    return `${this.#prefix}:cluster:${id}`;
  }

  instance({ id }: Pick<InstanceRecord, "id">): string {
    return `${this.#prefix}:db:${id}`;
  }
}

/** Each proxy has one target group. */
export const GROUP = "default";

/** There are no networks here: ids are kept and given back. */
export const VPC = "vpc-0a1b2c3d4e5f60718";
export const SECURITY_GROUP = "sg-0a1b2c3d4e5f60718";

export function checkSubnets(ids: readonly string[]): void {
  const wrong = ids.find((id) => !/^subnet-[0-9A-Za-z-]+$/.test(id));
  if (wrong !== undefined) throw FAULTS.subnet(wrong);
  if (new Set(ids).size < 2) throw FAULTS.subnet("at least two are needed");
}
