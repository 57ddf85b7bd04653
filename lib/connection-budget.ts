/**
 * One database, several proxy tasks: each task gets a fixed share of max_connections, so that all of them together can
 * never open more than was allowed, whatever the tasks know of each other.
 */

/** During a rolling deployment the old tasks run beside the new ones. */
export const MAX_HEALTHY_PERCENT = 200;

/** Percent of max_connections for each task; 0 where there are too many tasks. */
export function shareOf(maxConnectionsPercent: number, maxTasks: number): number {
  return Math.floor(maxConnectionsPercent / mostTasks(maxTasks));
}

/** Tasks that can hold connections at the same time. */
export function mostTasks(maxTasks: number): number {
  return Math.ceil((maxTasks * MAX_HEALTHY_PERCENT) / 100);
}
