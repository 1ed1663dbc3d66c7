import { defineConfig } from "vitest/config"

/**
 * `unit` starts no processes, `contract` checks what the programs agree on, `pipelines` holds the model families against what
 * diffusers and transformers made of the same noise, on real ONNX sessions; `integration` runs real servers (one nats-server a
 * file), so that only two of its files run at once; `conformance` holds the API server in memory against a real kube-apiserver and
 * etcd, which `scripts/cluster build` makes (the in-memory half runs in `unit`, too); `examples` runs the published examples as
 * they stand and needs curl and a Python with requests; `gpu` needs one and is skipped, test by test, where there is none; `e2e`
 * talks to a Kubernetes cluster that scripts/test e2e made, one file at a time.
 */
export default defineConfig({
  test: {
    pool: "forks",
    silent: "passed-only",
    maxWorkers: 2,
    teardownTimeout: 20_000,
    projects: [
      { extends: true, test: { name: "unit", include: ["src/**/*.test.ts", "test/conformance/memory.test.ts"] } },
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
      { extends: true, test: { name: "pipelines", include: ["test/pipelines/**/*.test.ts"], testTimeout: 30_000, hookTimeout: 60_000 } },
      { extends: true, test: { name: "simulation", include: ["test/simulation/**/*.test.ts"], testTimeout: 120_000 } },
      {
        extends: true,
        test: { name: "conformance", include: ["test/conformance/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 180_000 }
      },
      {
        extends: true,
        test: { name: "examples", include: ["test/examples/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 }
      },
      {
        extends: true,
        test: { name: "gpu", include: ["test/gpu/**/*.test.ts"], fileParallelism: false, testTimeout: 600_000, hookTimeout: 600_000 }
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000
        }
      }
    ]
  }
})
