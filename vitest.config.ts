import { defineConfig } from "vitest/config";

/** Integration files share real servers and two cores: they run one after the other, with generous deadlines. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: "tidy", include: ["test/tidy/**/*.test.ts"] } },
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/property/**/*.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "cdk",
          include: ["test/cdk/**/*.test.ts"],
          globalSetup: ["test/support/cdk-setup.ts"],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/servers-setup.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: "template",
          include: ["test/template/**/*.test.ts"],
          globalSetup: ["test/support/cdk-setup.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: "wordpress",
          include: ["test/wordpress/**/*.test.ts"],
          globalSetup: ["test/support/servers-setup.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
