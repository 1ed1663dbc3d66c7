import { Effect, Result, Schema } from "effect"
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { ModelManifest } from "../../contract/ModelManifest.ts"
import { checksOf } from "../../gpu-agent/models/checks.ts"
import { moveNotes } from "../../gpu-agent/models/verification.ts"
import { lockFile } from "../../platform/processes/LockFile.ts"
import type { AddOptions } from "./arguments.ts"
import { exportModel } from "./exporter.ts"
import { type ModelPlaces, modelPlaces, unfinishedOf } from "./places.ts"
import { type ExportPlan, intend, type Intention } from "./plan.ts"
import { findShortages, needsOf } from "./preflight.ts"
import { exportEnvironment } from "./python.ts"
import { ask } from "./remove.ts"
import { sizeOf } from "./installed.ts"
import { bytesText, say } from "./wording.ts"

/** The model was not added; the message says why and what helps. */
class NotAdded extends Schema.TaggedError<NotAdded>()("NotAdded", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

const refuse = (reason: string) => new NotAdded({ reason })

const requireAcceptance = Effect.fnUntraced(function*({ known }: Intention, isAccepted: boolean) {
  if (known === undefined) return
  const { id, url } = known.license
  yield* say(`${known.name} comes under the licence ${id}: ${url}`)
  if (isAccepted) return
  const answer = yield* ask("Do you accept it? [y/N] ")
  if (!/^y(?:es)?$/i.test(answer.trim())) return yield* refuse(`the licence ${id} was not accepted: read it at ${url} and give --accept-license. Nothing was fetched.`)
})

/** Everything that can be known before anything is fetched. */
const check = Effect.fnUntraced(function*(options: AddOptions, intention: Intention, places: ModelPlaces) {
  const { from, known, plan } = intention
  const folder = join(places.roots[0], plan.name)
  if (existsSync(folder)) return yield* refuse(`${folder} exists: \`darkroom models remove ${plan.name}\` first, or choose another name.`)
  for (const path of [...(from === undefined ? [] : [from]), ...plan.adapters.map((adapter) => adapter.path)]) {
    if (!existsSync(path)) return yield* refuse(`${path} does not exist.`)
  }
  yield* requireAcceptance(intention, options.acceptLicense)
  const environment = yield* exportEnvironment(places)
  const lacking = yield* findShortages(needsOf(known, from), environment.isReady, places.roots[0], places.cacheDir)
  if (lacking.length > 0 && !options.force) {
    return yield* refuse(`${lacking.join("; ")}. Make room, or give --force if you know better. Nothing was fetched.`)
  }
  return environment
})

const readManifest = (folder: string) =>
  Effect.try({
    try: () => Schema.decodeUnknownSync(Schema.fromJsonString(ModelManifest))(readFileSync(join(folder, "model.json"), "utf8")),
    catch: (cause) => refuse(`the exporter wrote no usable model.json: ${(cause as Error).message}`)
  })

/** The same checks as before every load; then the folder gets its name, whole. */
const install = Effect.fnUntraced(function*(unfinished: string, { name }: ExportPlan, { cacheDir, roots }: ModelPlaces) {
  const manifest = yield* readManifest(unfinished)
  yield* say(`  checking ${manifest.files.length} files (${bytesText(sizeOf(manifest))})`)
  for (const { path, problem } of checksOf(unfinished, manifest, { cacheDir, sums: "made" })) {
    const found = yield* problem
    if (found !== undefined) return yield* refuse(`the exporter's ${path} is refused: ${found}`)
  }
  const folder = join(roots[0], name)
  yield* Effect.try({ try: () => renameSync(unfinished, folder), catch: (cause) => refuse(`${folder} cannot be made: ${(cause as Error).message}`) })
  yield* moveNotes(cacheDir, join(realpathSync(roots[0]), basename(unfinished)), realpathSync(folder))
  return folder
})

/** `darkroom models add` */
export const addModel = Effect.fn("addModel")(
  function*(options: AddOptions) {
    const intention = intend(options, process.cwd())
    if (Result.isFailure(intention)) return yield* refuse(intention.failure)
    const { plan } = intention.success
    const places = yield* modelPlaces
    const environment = yield* check(options, intention.success, places)
    const unfinished = unfinishedOf(places.roots[0], plan.name)
    const downloads = join(places.downloads, plan.name)
    yield* Effect.sync(() => {
      mkdirSync(places.roots[0], { recursive: true })
      mkdirSync(downloads, { recursive: true })
    })
    yield* lockFile(`${unfinished}.lock`, `\`darkroom models add ${plan.name}\``)
    yield* environment.make
    const planPath = join(downloads, "plan.json")
    yield* Effect.sync(() => writeFileSync(planPath, JSON.stringify({ ...plan, downloads, target: unfinished }, undefined, 2)))
    const folder = yield* exportModel(environment.python, planPath, places).pipe(
      Effect.andThen(install(unfinished, plan, places)),
      // What was fetched stays for the next time; half an export, or a refused one, is of no use.
      Effect.onError(() => Effect.sync(() => rmSync(unfinished, { recursive: true, force: true })))
    )
    yield* Effect.sync(() => rmSync(downloads, { recursive: true, force: true }))
    yield* say(`installed ${folder}\nnext: start \`darkroom up\` again, which serves it. Elsewhere: list ${plan.name} in a pool (spec.models); docs/settings.md says how a kind of job gets it by default`)
  },
  Effect.scoped
)
