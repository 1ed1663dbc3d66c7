import { defineConfig } from "vitest/config"

/**
 * `unit` starts no processes, `contract` checks what the programs agree on, `integration` runs real servers (one
 * nats-server a file), so that only two of its files run at once; `examples` runs the published examples as they stand
 * and needs curl and a Python with requests.
 */
export default defineConfig({
  test: {
    pool: "forks",
    silent: "passed-only",
    maxWorkers: 2,
    teardownTimeout: 20_000,
    projects: [
      { extends: true, test: { name: "unit", include: ["src/**/*.test.ts"] } },
      { extends: true, test: { name: "contract", include: ["test/contract/**/*.test.ts"], testTimeout: 30_000 } },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000
        }
      },
      {
        extends: true,
        test: { name: "examples", include: ["test/examples/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 }
      }
    ]
  }
})
