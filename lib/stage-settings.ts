/** The settings of a stage: what differs between a trial and production, typed and checked before anything is synthesised. */
import * as z from "zod";
import { shareOf } from "./connection-budget.ts";

export const STAGES = ["dev", "prod"] as const;
export type Stage = (typeof STAGES)[number];

/** Fargate's memory sizes in MiB by CPU units. */
const MEMORY: Readonly<Record<number, readonly [least: number, most: number]>> = {
  256: [512, 2_048],
  512: [1_024, 4_096],
  1024: [2_048, 8_192],
  2048: [4_096, 16_384],
  4096: [8_192, 30_720],
};
const ACU_STEP = 0.5;

const capacity = z.number().min(0).max(256).multipleOf(ACU_STEP);

const database = z
  .strictObject({
    /** Aurora capacity units. max_connections follows the most, not the size of the moment. */
    minCapacity: capacity,
    maxCapacity: capacity.min(1),
    readers: z.int().min(0).max(15),
    backupDays: z.int().min(1).max(35),
    deletionProtection: z.boolean(),
    /** Whether data outlives the stack, as a snapshot. */
    keepData: z.boolean(),
  })
  .refine(({ minCapacity, maxCapacity }) => minCapacity <= maxCapacity, {
    path: ["minCapacity"],
    message: "must be at most maxCapacity",
  })
  .refine(({ deletionProtection, keepData }) => keepData || !deletionProtection, {
    path: ["keepData"],
    message: "must be true where deletionProtection is",
  });

const proxy = z
  .strictObject({
    cpu: z.union([256, 512, 1024, 2048, 4096].map((units) => z.literal(units))),
    memoryMiB: z.int().multipleOf(512),
    minTasks: z.int().min(1).max(50),
    maxTasks: z.int().min(1).max(50),
    /** Of the database's max_connections, for all tasks together. */
    maxConnectionsPercent: z.int().min(1).max(100),
    borrowTimeoutSeconds: z.int().min(0).max(300),
    idleClientTimeoutSeconds: z.int().min(1).max(28_800),
  })
  .refine(({ minTasks, maxTasks }) => minTasks <= maxTasks, {
    path: ["minTasks"],
    message: "must be at most maxTasks",
  })
  .refine(
    ({ cpu, memoryMiB }) => {
      const [least, most] = MEMORY[cpu]!;
      return memoryMiB >= least && memoryMiB <= most;
    },
    { path: ["memoryMiB"], message: "is no size that Fargate has for this cpu" },
  )
  .refine(({ maxTasks, maxConnectionsPercent }) => shareOf(maxConnectionsPercent, maxTasks) >= 1, {
    path: ["maxTasks"],
    message: "leaves each task less than one percent of the connections",
  });

const webhook = z.strictObject({
  /** Who may call: anybody, holders of an IAM identity (SigV4), or those who sign the body with a shared key. */
  protection: z.enum(["open", "iam", "hmac"]),
  memoryMiB: z.int().min(128).max(10_240),
  /** Execution environments at most. */
  concurrency: z.int().min(1).max(1_000),
  requestsPerSecond: z.int().min(1),
  burst: z.int().min(1),
});

const stageSettings = z.strictObject({
  vpcCidr: z.cidrv4(),
  availabilityZones: z.int().min(2).max(3),
  natGateways: z.int().min(1).max(3),
  logRetentionDays: z.literal([7, 14, 30, 90, 180, 365]),
  database,
  proxy,
  webhook,
});

export type StageSettings = z.output<typeof stageSettings>;
export type DatabaseSettings = StageSettings["database"];
export type ProxySettings = StageSettings["proxy"];
export type WebhookSettings = StageSettings["webhook"];

const SETTINGS: Readonly<Record<Stage, StageSettings>> = {
  dev: {
    vpcCidr: "10.20.0.0/16",
    availabilityZones: 2,
    natGateways: 1,
    logRetentionDays: 7,
    database: {
      minCapacity: 0.5,
      maxCapacity: 4,
      readers: 1,
      backupDays: 1,
      deletionProtection: false,
      keepData: false,
    },
    proxy: {
      cpu: 512,
      memoryMiB: 1_024,
      minTasks: 2,
      maxTasks: 2,
      maxConnectionsPercent: 90,
      borrowTimeoutSeconds: 30,
      idleClientTimeoutSeconds: 1_800,
    },
    webhook: {
      protection: "open",
      memoryMiB: 512,
      concurrency: 100,
      requestsPerSecond: 500,
      burst: 500,
    },
  },
  prod: {
    vpcCidr: "10.30.0.0/16",
    availabilityZones: 3,
    natGateways: 3,
    logRetentionDays: 365,
    database: {
      minCapacity: 2,
      maxCapacity: 64,
      readers: 2,
      backupDays: 14,
      deletionProtection: true,
      keepData: true,
    },
    proxy: {
      cpu: 1024,
      memoryMiB: 2_048,
      minTasks: 3,
      maxTasks: 6,
      maxConnectionsPercent: 90,
      borrowTimeoutSeconds: 120,
      idleClientTimeoutSeconds: 1_800,
    },
    webhook: {
      protection: "iam",
      memoryMiB: 512,
      concurrency: 500,
      requestsPerSecond: 2_000,
      burst: 2_000,
    },
  },
};

export function isStage(name: unknown): name is Stage {
  return (STAGES as readonly unknown[]).includes(name);
}

export function settingsOf(stage: Stage): StageSettings {
  return checkSettings(SETTINGS[stage]);
}

/** Throws with every problem, each with its key. */
export function checkSettings(settings: unknown): StageSettings {
  const parsed = stageSettings.safeParse(settings);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new Error(`the settings of the stage are wrong:\n${problems.join("\n")}`);
}
