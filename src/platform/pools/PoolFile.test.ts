import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PoolFile } from "./PoolFile.ts"
import { poolTemplate } from "./template.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "darkroom-pools-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const text = poolTemplate(["starter"])

/** Runs with a PoolFile on a fresh copy of the template; gives the folder and the file's path. */
const withFile = <A, E>(use: (file: PoolFile["Service"], path: string, folder: string) => Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const at = yield* folder
    const path = join(at, "pool.yaml")
    writeFileSync(path, text)
    return yield* PoolFile.use((file) => use(file, path, at)).pipe(Effect.provide(PoolFile.layerAt(path)))
  })

describe("PoolFile", () => {
  it.live("scales in place: comments stay, the ceiling rises only as far as allowed, no draft is left", () =>
    withFile((file, path, at) =>
      Effect.gen(function*() {
        const scaled = yield* file.scale("local", 2)
        assert.deepStrictEqual([scaled.spec.replicas, scaled.spec.maxReplicas], [2, 2])
        assert.strictEqual(readFileSync(path, "utf8"), text.replace("replicas: 0", "replicas: 2"))
        assert.strictEqual((yield* file.current)[0]?.spec.replicas, 2)

        const refused = yield* Effect.flip(file.scale("local", 3))
        assert.strictEqual(refused._tag, "ReplicasAboveCeiling")
        assert.include(refused.message, "at most 2 replicas, 3 were asked for")
        const raised = yield* file.scale("local", 3, 4)
        assert.strictEqual(raised.spec.maxReplicas, 3)

        const unknown = yield* Effect.flip(file.scale("elsewhere", 1))
        assert.include(unknown.message, "the pools are: local")
        assert.deepStrictEqual(readdirSync(at), ["pool.yaml"])
      })
    ))

  it.live("follows the file, also when an editor replaces it, and keeps the last good content", () =>
    withFile((file, path, at) =>
      Effect.gen(function*() {
        const seen = yield* file.changes.pipe(
          Stream.map((pools) => pools[0]?.spec.replicas),
          Stream.takeUntil((replicas) => replicas === 2),
          Stream.runCollect,
          Effect.forkChild
        )
        writeFileSync(path, text.replace("replicas: 0", "replicas: minus one"))
        yield* Effect.repeat(Effect.delay(file.problem, "10 millis"), { until: (problem) => problem !== undefined })
        assert.include((yield* file.problem)?.message, "spec.replicas")
        assert.strictEqual((yield* file.current)[0]?.spec.replicas, 0)

        writeFileSync(join(at, "draft"), text.replace("replicas: 0", "replicas: 2"))
        renameSync(join(at, "draft"), path)
        assert.deepStrictEqual(yield* Fiber.join(seen), [0, 2])
        assert.isUndefined(yield* file.problem)
      })
    ), 20_000)

  it.live("says which file is missing and which variable names it", () =>
    Effect.gen(function*() {
      const at = yield* folder
      const error = yield* Effect.flip(Effect.provide(PoolFile, PoolFile.layerAt(join(at, "none.yaml"))))
      assert.include(error.message, "none.yaml")
      assert.include(error.message, "POOL_FILE")
    }))
})
