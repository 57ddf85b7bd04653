/** What a session may ask for, and what a target is there for. */
export const Role = { READ_WRITE: 0, READ_ONLY: 1 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** A target may have no role for now (unknown during a failover): nobody is sent there. */
export const NO_ROLE = 2;
export type TargetRole = Role | typeof NO_ROLE;
