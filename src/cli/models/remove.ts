import { Config, Effect, Option, Result } from "effect"
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline/promises"
import { parsePools } from "../../platform/pools/document.ts"
import { placeOf } from "../place.ts"
import { readRunning } from "../running.ts"
import { modelPlaces, removingOf, unfinishedOf } from "./places.ts"
import { say } from "./wording.ts"

/** Asks on the terminal; without one the answer is empty. */
export const ask = (question: string): Effect.Effect<string> =>
  Effect.promise(async () => {
    if (!process.stdin.isTTY) return ""
    const terminal = createInterface({ input: process.stdin, output: process.stdout })
    return terminal.question(question).finally(() => terminal.close())
  })

/** Pools of this machine's pool file that list the model. */
const poolsThatList = Effect.fnUntraced(function*(name: string, data: string | undefined) {
  const place = placeOf(data)
  const given = yield* Config.option(Config.NonEmptyString("POOL_FILE"))
  const path = Option.getOrUndefined(given) ?? (yield* readRunning(place))?.pool_file ?? place.pools
  if (!existsSync(path)) return []
  const pools = parsePools(readFileSync(path, "utf8"))
  return Result.isFailure(pools) ? [] : pools.success.filter((pool) => pool.spec.models.includes(name)).map((pool) => `${pool.metadata.name} (${path})`)
})

/** `darkroom models remove`: asks for the name, deletes, and says which pools still list it. */
export const removeModel = Effect.fn("removeModel")(function*({ data, name, yes }: {
  readonly name: string
  readonly yes: boolean
  readonly data: string | undefined
}) {
  const { roots } = yield* modelPlaces
  const folders = roots.map((root) => join(root, name)).filter((folder) => existsSync(join(folder, "model.json")))
  const remains = roots.flatMap((root) => [unfinishedOf(root, name), removingOf(root, name)]).filter((folder) => existsSync(folder))
  if (folders.length + remains.length === 0) {
    return yield* Effect.fail(new Error(`there is no model ${name} in ${roots.join(" or ")} (MODELS_DIR)`))
  }
  if (!yes && (yield* ask(`This deletes ${[...folders, ...remains].join(" and ")}. Type the model's name to go on: `)) !== name) {
    return yield* Effect.fail(new Error(`nothing was removed: type the name when asked, or give --yes`))
  }
  for (const folder of [...remains, ...folders]) {
    yield* Effect.try({ try: () => removeFolder(folder, name), catch: (cause) => new Error(`${folder} cannot be removed: ${(cause as Error).message}`) })
    yield* say(`removed ${folder}`)
  }
  const pools = yield* poolsThatList(name, data)
  if (pools.length > 0) yield* say(`still listed by the pool ${pools.join(", ")}: take it out of spec.models there, or its agents cannot load it`)
})

/** Out of sight first: what an interrupted removal leaves is no model. */
const removeFolder = (folder: string, name: string): void => {
  const doomed = removingOf(dirname(folder), name)
  if (folder !== doomed) {
    rmSync(doomed, { recursive: true, force: true })
    renameSync(folder, doomed)
  }
  rmSync(doomed, { recursive: true })
}
