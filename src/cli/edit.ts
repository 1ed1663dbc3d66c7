import { Config, Effect, Option } from "effect"
import { readFileSync } from "node:fs"
import { basename, dirname, extname, join } from "node:path"
import { edit, EditFailed } from "./http.ts"
import { placeOf, type Place } from "./place.ts"
import { readRunning } from "./running.ts"
import type { Command } from "./arguments.ts"

const outBeside = (photo: string): string => join(dirname(photo), `${basename(photo, extname(photo))}.edited.png`)

const storedKey = (place: Place): string | undefined => {
  try {
    return readFileSync(place.key, "utf8").trim()
  } catch {
    return undefined
  }
}

/** `darkroom edit`: against `DARKROOM_URL`, or the system that runs here. */
export const editCommand = Effect.fn("editCommand")(function*(options: Extract<Command, { _tag: "Edit" }>) {
  const place = placeOf(options.data)
  const url = yield* Config.option(Config.NonEmptyString("DARKROOM_URL"))
  const given = yield* Config.option(Config.NonEmptyString("DARKROOM_API_KEY"))
  const api = Option.getOrUndefined(url) ?? (yield* readRunning(place))?.api
  const key = Option.getOrUndefined(given) ?? storedKey(place)
  if (api === undefined) return yield* new EditFailed({ reason: "Darkroom does not run here: start it with `darkroom up`, or set DARKROOM_URL" })
  if (key === undefined) return yield* new EditFailed({ reason: "there is no key: set DARKROOM_API_KEY (`darkroom keys create NAME` makes one)" })
  const out = options.out ?? outBeside(options.photo)
  const answer = yield* edit({ api: api.replace(/\/$/, ""), key, photo: options.photo, sentence: options.sentence, out, seed: options.seed, model: options.model })
  for (const warning of answer.warnings ?? []) process.stderr.write(`note: ${warning}\n`)
  process.stdout.write(`${out}\n`)
})
