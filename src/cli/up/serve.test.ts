import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parsePools } from "../../platform/pools/document.ts"
import { writeNoopModels } from "../../testing/noopModels.ts"
import { placeOf } from "../place.ts"
import { serveInstalled } from "./serve.ts"

/** One installation: its models and its pool file, through several starts. */
const installation = () => {
  const place = placeOf(mkdtempSync(join(tmpdir(), "darkroom-serve-")))
  const dir = join(place.data, "models")
  const pictures = { family: "sdxl", kinds: ["text_to_image", "frames"] } as const
  writeNoopModels(dir, { starter: { family: "starter", kinds: ["edit", "image_to_image"] }, "starter-image": pictures, noop: {} })
  return {
    place,
    install: (name: string) => writeNoopModels(dir, { [name]: pictures }),
    remove: (name: string) => rmSync(join(dir, name), { recursive: true }),
    start: (device: "cpu" | "cuda" = "cpu") => serveInstalled(place, { testModels: false, modelsDir: Option.some(dir), device }),
    edit: (change: (text: string) => string) => writeFileSync(place.pools, change(readFileSync(place.pools, "utf8"))),
    pool: () => Result.getOrThrow(parsePools(readFileSync(place.pools, "utf8")))[0]!.spec
  }
}

describe("what darkroom up serves", () => {
  it.effect("is every installed model, and after the next start what was installed or removed since", () =>
    Effect.gen(function*() {
      const machine = installation()
      assert.deepStrictEqual((yield* machine.start()).defaults, {
        edit: "starter", image_to_image: "starter", text_to_image: "starter-image", frames: "starter-image"
      })
      assert.deepStrictEqual(machine.pool().models, ["starter", "starter-image"])
      machine.install("sdxl-base-1.0")
      assert.strictEqual((yield* machine.start()).defaults.text_to_image, "sdxl-base-1.0")
      assert.deepStrictEqual(machine.pool().models, ["starter", "starter-image", "sdxl-base-1.0"])
      machine.remove("sdxl-base-1.0")
      assert.strictEqual((yield* machine.start()).defaults.text_to_image, "starter-image")
      assert.deepStrictEqual(machine.pool().models, ["starter", "starter-image"])
    }))

  it.effect("leaves a person's file as it is: what was taken out, comments, other pools", () =>
    Effect.gen(function*() {
      const machine = installation()
      yield* machine.start()
      machine.edit((text) => `${text.replace("[starter, starter-image]", "[starter]")}# mine\n`)
      const before = readFileSync(machine.place.pools, "utf8")
      const { defaults, unlisted } = yield* machine.start()
      assert.deepStrictEqual(unlisted, ["starter-image"])
      assert.strictEqual(readFileSync(machine.place.pools, "utf8"), before)
      assert.isUndefined(defaults.text_to_image, "no pool serves it")
    }))

  it.effect("knows a file of before this list was kept", () =>
    Effect.gen(function*() {
      const machine = installation()
      yield* machine.start()
      rmSync(machine.place.models)
      machine.edit((text) => text.replace("[starter, starter-image]", "[starter]"))
      yield* machine.start()
      assert.deepStrictEqual(machine.pool().models, ["starter", "starter-image"])
    }))

  it.effect("is told where nothing can be served, or the file is none", () =>
    Effect.gen(function*() {
      const machine = installation()
      const none = yield* Effect.flip(serveInstalled(machine.place, { testModels: false, modelsDir: Option.some("/nowhere"), device: "cpu" }))
      assert.include(none.message, "darkroom models add")
      yield* machine.start()
      machine.edit(() => "spec: [")
      assert.include((yield* Effect.flip(machine.start())).message, "line 1")
    }))
})
