import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, mkdtempSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"
import { ModelStore } from "./ModelStore.ts"

const fixtures = fileURLToPath(new URL("../../../test/fixtures/models", import.meta.url))
const fresh = () => mkdtempSync(join(tmpdir(), "darkroom-models-"))

const open = (modelsDir: string, name: string, cacheDir = fresh()) =>
  ModelStore.use((store) => store.get(name)).pipe(Effect.provide(ModelStore.layer({ modelsDir, cacheDir })))

const problem = (modelsDir: string, name: string, cacheDir?: string) =>
  Effect.map(Effect.flip(open(modelsDir, name, cacheDir)), (error) => error.message)

/** A copy of the test model, changed. */
const copy = (change: (manifest: any) => void, weights = readFileSync(join(fixtures, "noop/noop.onnx"))) => {
  const root = fresh()
  mkdirSync(join(root, "noop"))
  const manifest = JSON.parse(readFileSync(join(fixtures, "noop/model.json"), "utf8"))
  change(manifest)
  writeFileSync(join(root, "noop/model.json"), JSON.stringify(manifest))
  writeFileSync(join(root, "noop/noop.onnx"), weights)
  return root
}

describe("the model store", () => {
  it.effect("opens a model whose files are right, from the first folder that has it", () =>
    Effect.gen(function*() {
      const model = yield* open(`${fresh()}${delimiter}${fixtures}`, "noop")
      assert.strictEqual(model.folder, join(fixtures, "noop"))
      assert.strictEqual(model.manifest.name, "noop")
    }))

  it.effect("says where it looked for a model that is not there", () =>
    Effect.gen(function*() {
      assert.include(yield* problem(fixtures, "nothing"), "MODELS_DIR")
      assert.include(yield* problem(fixtures, "../noop"), "not a model's name")
    }))

  it.effect("refuses files other than the ones named", () =>
    Effect.gen(function*() {
      const bytes = readFileSync(join(fixtures, "noop/noop.onnx"))
      const flipped = Buffer.from(bytes)
      flipped[20] = flipped[20]! ^ 1
      assert.include(yield* problem(copy(() => {}, flipped), "noop"), "its sha256 is")
      assert.include(yield* problem(copy(() => {}, bytes.subarray(1)), "noop"), "bytes instead of 157")
      assert.include(yield* problem(copy((m) => (m.files[0].path = "gone.onnx")), "noop"), "is not among its files")
    }))

  it.effect("says which file cannot be read, as one more reason not to serve the model", () =>
    Effect.gen(function*() {
      const root = copy((manifest) => {
        manifest.files[0].path = "weights"
        manifest.files[0].bytes = statSync(fresh()).size
        manifest.variants = []
      })
      mkdirSync(join(root, "noop/weights"))
      assert.include(yield* problem(root, "noop"), "cannot be read: EISDIR")
    }))

  it.effect("refuses paths that leave the folder", () =>
    Effect.gen(function*() {
      for (const path of ["../secret", "/etc/passwd", "a/../../b"]) {
        const root = copy((manifest) => {
          manifest.files[0].path = path
          manifest.variants = []
        })
        assert.include(yield* problem(root, "noop"), "a path inside the model's folder")
      }
      const root = copy((manifest) => {
        manifest.files[0].path = "link.onnx"
        manifest.variants = []
      })
      writeFileSync(join(root, "outside.onnx"), readFileSync(join(fixtures, "noop/noop.onnx")))
      symlinkSync(join(root, "outside.onnx"), join(root, "noop/link.onnx"))
      assert.include(yield* problem(root, "noop"), "outside the model's folder")
    }))

  it.effect("refuses a manifest that is none, or of another model", () =>
    Effect.gen(function*() {
      assert.include(yield* problem(copy((m) => (m.family = "unheard-of")), "noop"), "is not a model manifest")
      assert.include(yield* problem(copy((m) => (m.name = "other")), "noop"), "they must agree")
    }))

  it.effect("remembers what it verified, until the file changes", () =>
    Effect.gen(function*() {
      const cacheDir = fresh()
      const root = copy(() => {})
      yield* open(root, "noop", cacheDir)
      const notes = JSON.parse(readFileSync(join(cacheDir, "verified-models.json"), "utf8"))
      assert.strictEqual(Object.keys(notes).length, 1)
      // Same size, other content, other time: hashed again.
      const path = join(root, "noop/noop.onnx")
      writeFileSync(path, Buffer.alloc(157, 1))
      utimesSync(path, 1, 1)
      assert.include(yield* problem(root, "noop", cacheDir), "its sha256 is")
    }))
})
