import { PoolTarget, Shelf } from "./backend.ts";
import { PoolKey } from "./key.ts";
import { Line } from "./line.ts";
import { NO_ROLE, Role, type TargetRole } from "./role.ts";
import { WaiterQueue } from "./waiters.ts";

export interface AddTargetOptions {
  readonly id: string;
  readonly role: TargetRole;
  readonly maxConnections: number | null;
  readonly accepting: boolean;
}

/** The keys and targets of a pool, with a shelf for each pair of them and a queue for each key and role. */
export class Roster {
  readonly lines = [new Line(Role.READ_WRITE), new Line(Role.READ_ONLY)] as const;
  readonly targets: PoolTarget[] = [];
  readonly keys: PoolKey[] = [];
  readonly #keysByName = new Map<string, PoolKey>();

  key(userKey: string, classId: number): PoolKey {
    const name = `${classId}:${userKey}`;
    const known = this.#keysByName.get(name);
    if (known !== undefined) return known;
    const key = new PoolKey(userKey, classId, this.keys.length);
    this.keys.push(key);
    this.#keysByName.set(name, key);
    for (const line of this.lines) line.queues.push(new WaiterQueue(key));
    for (const target of this.targets) target.shelves.push(new Shelf(target, key));
    return key;
  }

  add(options: AddTargetOptions): PoolTarget {
    const target = new PoolTarget(
      options.id,
      options.role,
      options.maxConnections,
      options.accepting,
    );
    for (const key of this.keys) target.shelves.push(new Shelf(target, key));
    this.targets.push(target);
    if (target.role !== NO_ROLE) this.lines[target.role].targets.push(target);
    return target;
  }

  remove(target: PoolTarget): void {
    this.changeRole(target, NO_ROLE);
    this.targets.splice(this.targets.indexOf(target), 1);
    target.removed = true;
    target.accepting = false;
  }

  changeRole(target: PoolTarget, role: TargetRole): void {
    if (target.role !== NO_ROLE) {
      const { targets } = this.lines[target.role];
      targets.splice(targets.indexOf(target), 1);
    }
    target.role = role;
    if (role !== NO_ROLE) this.lines[role].targets.push(target);
  }
}
