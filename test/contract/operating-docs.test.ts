import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** docs/operating.md and docs/settings.md against the code: no metric that is not there, no setting that nobody was told of. */

const repository = fileURLToPath(new URL("../..", import.meta.url))
const read = (path: string) => readFileSync(join(repository, path), "utf8")
const operating = read("docs/operating.md")
const settings = read("docs/settings.md")
const sources = globSync("src/**/*.ts", { cwd: repository })
  .filter((path) => !path.endsWith(".test.ts") && !path.startsWith("src/testing"))
  .map(read)

const named = (texts: ReadonlyArray<string>, pattern: RegExp): ReadonlyArray<string> =>
  [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name ?? "")))].sort()

/** Words in capitals that are not read from the environment, or are given by whoever starts the program. */
const notSettings = new Set([
  "KV_KEYS", "LOADING_MODEL", "OBJ_IMAGES", "OF_LATER", "SCALED_TO_ZERO", "SETUP_FAILED", "WAKING_UP", "NATS_PASSWORD_GATEWAY", "AGENT_COMMAND",
  "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
])
/** The standard's own, said by its name. */
const isOpenTelemetry = (name: string) => name.startsWith("OTEL_")

describe("docs for operators", () => {
  it("name only metrics that are exported", () => {
    const exported = named(sources, /"(darkroom_[a-z_]+)"/g)
    const mentioned = named([operating], /\b(darkroom_[a-z_]+?)(?:_bucket)?\b/g)
    assert.isAbove(mentioned.length, 10)
    assert.deepStrictEqual(mentioned.filter((name) => !exported.includes(name)), [])
  })

  it("tell of every setting", () => {
    const known = named(sources, /"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"/g).filter((name) => !notSettings.has(name) && !isOpenTelemetry(name))
    assert.isAbove(known.length, 40)
    assert.deepStrictEqual(known.filter((name) => !settings.includes(`\`${name}\``)), [])
  })

  it("tell of no setting that nobody reads", () => {
    const scripts = ["scripts/up", "scripts/nats-server", "scripts/setup.sh"].map(read)
    const programs = [...sources, ...scripts]
    const mentioned = named([settings], /`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`/g).filter((name) => !isOpenTelemetry(name))
    assert.deepStrictEqual(mentioned.filter((name) => !programs.some((text) => text.includes(name))), [])
  })
})

describe("alerts", () => {
  const [, , ...alerts] = read("manifests/components/monitoring/alerts.yaml").split(/^ +- (?=alert|name)/m)

  it("are those of docs/operating.md, on metrics that are exported", () => {
    const exported = named(sources, /"(darkroom_[a-z_]+)"/g)
    const names = alerts.map((alert) => /^alert: (\w+)$/m.exec(alert)?.[1] ?? "")
    assert.deepStrictEqual(names, [...operating.matchAll(/^\| `(Darkroom\w+)` \|/gm)].map(([, name]) => name))
    assert.deepStrictEqual(named(alerts, /\b(darkroom_[a-z_]+?)(?:_bucket)?\b/g).filter((name) => !exported.includes(name)), [])
  })
})
