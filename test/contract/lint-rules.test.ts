import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** Each rule of oxlint.config.ts that guards the architecture: a file that breaks it is refused, its neighbour is not. */

const root = fileURLToPath(new URL("../..", import.meta.url))

interface Case {
  readonly path: string
  readonly code: string
  /** The rule that must refuse the file; none for a file that must pass. */
  readonly refusedBy?: string
}

const imports = (path: string, specifier: string): Case => ({ path, code: `export * from "${specifier}"\n` })
const refusedImport = (path: string, specifier: string): Case => ({
  ...imports(path, specifier),
  refusedBy: "eslint(no-restricted-imports)"
})
const refused = (rule: string, path: string, code: string): Case => ({ path, code: `${code}\n`, refusedBy: rule })

const statements = (count: number) => Array.from({ length: count }, (_, n) => `  f(${n})`).join("\n")

const direction = [
  refusedImport("src/contract/a.ts", "../platform/nats/Connection.ts"),
  refusedImport("src/platform/nats/a.ts", "../../gateway/app.ts"),
  refusedImport("src/platform/telemetry/a.ts", "../../cli/main.ts"),
  refusedImport("src/gateway/a.ts", "../operator/scaling/decide.ts"),
  refusedImport("src/gateway/routes/a.ts", "../../gpu-agent/main.ts"),
  refusedImport("src/operator/scaling/a.ts", "../../gateway/app.ts"),
  refusedImport("src/operator/scaling/b.ts", "../../gpu-agent/main.ts"),
  refusedImport("src/gpu-agent/onnx/a.ts", "../../gateway/app.ts"),
  refusedImport("src/gpu-agent/worker/a.ts", "../../operator/scaling/decide.ts"),
  refusedImport("src/gateway/b.ts", "../cli/main.ts"),
  imports("src/gateway/c.ts", "../platform/nats/Connection.ts"),
  imports("src/operator/fleet/c.ts", "../scaling/decide.ts"),
  imports("src/gpu-agent/worker/c.ts", "../../contract/Job.ts"),
  imports("src/cli/c.ts", "../gateway/app.ts")
]

const contractImportsEffectOnly = [
  refusedImport("src/contract/b.ts", "node:fs"),
  refusedImport("src/contract/c.ts", "yaml"),
  refusedImport("src/contract/d.ts", "@effect/platform-node"),
  imports("src/contract/e.ts", "effect"),
  imports("src/contract/f.ts", "effect/Schema"),
  imports("src/contract/g.ts", "./Job.ts"),
  imports("src/contract/h/i.ts", "../Job.ts")
]

const oneHomeForEachSdk = [
  refusedImport("src/gateway/d.ts", "@nats-io/jetstream"),
  refusedImport("src/platform/images/a.ts", "@nats-io/transport-node"),
  refusedImport("src/platform/nats/b.ts", "@nats-io/obj"),
  refusedImport("src/gateway/e.ts", "sharp"),
  refusedImport("src/gpu-agent/worker/d.ts", "onnxruntime-node"),
  refusedImport("src/operator/a.ts", "hono"),
  refusedImport("src/platform/images/b.ts", "hono/body-limit"),
  refusedImport("src/cli/a.ts", "@hono/node-server"),
  refusedImport("src/gateway/f.ts", "@opentelemetry/api"),
  refusedImport("src/operator/b.ts", "@kubernetes/client-node"),
  refusedImport("src/gateway/h.ts", "undici"),
  imports("src/platform/nats/c.ts", "@nats-io/jetstream"),
  imports("src/platform/blobs/a.ts", "@nats-io/obj"),
  imports("src/platform/blobs/b.ts", "@nats-io/transport-node"),
  imports("src/platform/images/c.ts", "sharp"),
  imports("src/gpu-agent/onnx/c.ts", "onnxruntime-node"),
  imports("src/gateway/routes/c.ts", "hono"),
  imports("src/platform/telemetry/c.ts", "@opentelemetry/sdk-node"),
  imports("src/platform/kubernetes/c.ts", "@kubernetes/client-node"),
  imports("src/platform/kubernetes/d.ts", "undici")
]

const testingStaysInTests = [
  refusedImport("src/gateway/g.ts", "../testing/NatsServer.ts"),
  refusedImport("src/platform/nats/d.ts", "../../testing/NatsServer.ts"),
  refusedImport("src/cli/b.ts", "../testing/NatsServer.ts"),
  imports("src/platform/nats/d.test.ts", "../../testing/NatsServer.ts"),
  imports("src/cli/d.test.ts", "../testing/NatsServer.ts"),
  imports("src/testing/e.ts", "../gateway/app.ts"),
  refusedImport("src/gateway/g.test.ts", "../gpu-agent/main.ts")
]

const effectsAtTheEdges = [
  refused("eslint(no-restricted-properties)", "src/gateway/h.ts", "export const key = process.env.KEY"),
  refused("eslint(no-restricted-properties)", "src/gateway/i.ts", "export const now = Date.now()"),
  refused("eslint(no-restricted-properties)", "src/gateway/j.ts", "export const chance = Math.random()"),
  refused("eslint(no-restricted-globals)", "src/gateway/k.ts", "export const f = () => setTimeout(f, 1)"),
  refused("eslint(no-console)", "src/gateway/l.ts", `export const f = () => console.log("hello")`),
  { path: "src/gateway/main.ts", code: "export const key = process.env.KEY\n" },
  { path: "src/cli/e.ts", code: `export const f = () => console.log("hello")\n` }
]

const size = [
  refused("eslint(max-lines)", "src/gateway/m.ts", `import { f } from "./f.ts"\n${statements(400)}`),
  refused("eslint(max-lines-per-function)", "src/gateway/n.ts", `export const g = (f: (n: number) => void) => {\n${statements(100)}\n}`),
  refused("eslint(max-params)", "src/gateway/o.ts", "export const f = (a: 1, b: 2, c: 3, d: 4, e: 5) => [a, b, c, d, e]"),
  { path: "src/gateway/n.test.ts", code: `export const g = (f: (n: number) => void) => {\n${statements(100)}\n}\n` }
]

const cycle = [
  refused("import(no-cycle)", "src/gateway/p.ts", `import { q } from "./q.ts"\nexport const p = () => q`),
  refused("import(no-cycle)", "src/gateway/q.ts", `import { p } from "./p.ts"\nexport const q = () => p`)
]

/** The rules that each file breaks, by its path. */
const lint = (cases: ReadonlyArray<Case>): Map<string, Set<string>> => {
  const folder = mkdtempSync(join(tmpdir(), "darkroom-lint-"))
  try {
    copyFileSync(join(root, "oxlint.config.ts"), join(folder, "oxlint.config.ts"))
    for (const { code, path } of cases) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), code)
    }
    const program = join(root, "node_modules/oxlint/bin/oxlint")
    const run = spawnSync(process.execPath, [program, "--config", "oxlint.config.ts", "--format", "json"], {
      cwd: folder,
      encoding: "utf8"
    })
    assert.notStrictEqual(run.stdout, "", run.stderr)
    const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: ReadonlyArray<{ code: string; filename: string }> }
    const found = new Map<string, Set<string>>()
    for (const { code, filename } of diagnostics) {
      found.set(filename, (found.get(filename) ?? new Set()).add(code))
    }
    return found
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const groups = { direction, contractImportsEffectOnly, oneHomeForEachSdk, testingStaysInTests, effectsAtTheEdges, size, cycle }

describe("oxlint.config.ts", () => {
  for (const [name, cases] of Object.entries<ReadonlyArray<Case>>(groups)) {
    it(name, () => {
      const found = lint(cases)
      for (const { code, path, refusedBy } of cases) {
        const rules = [...(found.get(path) ?? [])]
        assert.deepStrictEqual(rules, refusedBy === undefined ? [] : [refusedBy], `${path}: ${code.slice(0, 200)}`)
      }
    })
  }
})
