import { Result } from "effect"
import { isAbsolute, resolve } from "node:path"
import { exportableFamilies, type FamilyTraits, type KnownModel, knownModel, knownModels } from "../../contract/modelCatalogue.ts"
import type { PipelineFamily } from "../../contract/ModelManifest.ts"
import type { AddOptions, Precision } from "./arguments.ts"

/** What scripts/export/darkroom_export is asked to do: the content of its PLAN.json. */
export interface ExportPlan {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly family: PipelineFamily
  readonly license: string
  readonly kinds: ReadonlyArray<string>
  readonly images_max?: number
  readonly uses_parameters: ReadonlyArray<string>
  readonly load_time_ms: number
  readonly timeout_s: number
  readonly precisions: ReadonlyArray<Precision>
  readonly sources: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly adapters: ReadonlyArray<{ readonly name: string; readonly path: string; readonly weight_min: number; readonly weight_max: number }>
  readonly options: Readonly<Record<string, unknown>>
}

export interface Intention {
  readonly plan: ExportPlan
  /** The catalogue's model of that name, of which licence and estimates are known. */
  readonly known: KnownModel | undefined
  /** The local folder, when nothing is fetched. */
  readonly from: string | undefined
}

const families = Object.keys(exportableFamilies).join(", ")
const isExportable = (name: string): name is PipelineFamily => Object.hasOwn(exportableFamilies, name)

const absolute = (path: string, cwd: string): string => (isAbsolute(path) ? path : resolve(cwd, path))

const planOf = (options: AddOptions, family: PipelineFamily, traits: FamilyTraits, cwd: string): Intention => {
  const { adapters, from, name, precisions, set } = options
  const known = knownModel(name)
  const folder = from === undefined ? undefined : absolute(from, cwd)
  const { precisions: possible, takesAdapters: _, ...common } = traits
  return {
    known,
    from: folder,
    plan: {
      name,
      version: known?.version ?? "1",
      description: known?.description ?? `A model of the family ${family}.`,
      family,
      license: known?.license.id ?? "not stated",
      ...common,
      precisions: precisions.length === 0 ? [possible[0]] : precisions,
      sources: folder === undefined ? known?.sources.map((source) => ({ ...source })) ?? [] : [{ role: "model", folder }],
      adapters: adapters.map((one) => ({ name: one.name, path: absolute(one.file, cwd), weight_min: 0, weight_max: one.weightMax })),
      // A folder is exported as it is: the catalogue's options are for what the catalogue fetches.
      options: { ...(folder === undefined ? known?.options : {}), ...set }
    }
  }
}

const misfit = (options: AddOptions, family: PipelineFamily, traits: FamilyTraits): string | undefined => {
  const strange = options.precisions.find((precision) => !traits.precisions.includes(precision))
  if (strange !== undefined) return `the family ${family} cannot be exported in ${strange}; it can in ${traits.precisions.join(", ")}`
  return options.adapters.length > 0 && !traits.takesAdapters ? `the family ${family} takes no adapters (--lora)` : undefined
}

/** From what was typed and what is known to what will be done, or why it cannot be. Pure; relative paths start at `cwd`. */
export const intend = (options: AddOptions, cwd: string): Result.Result<Intention, string> => {
  const { family, from, name } = options
  const known = knownModel(name)
  if (known === undefined && (family === undefined || from === undefined)) {
    return Result.fail(
      `${name} is not a model that is known here; those are ${knownModels.map((model) => model.name).join(", ")}. ` +
        `A folder of weights becomes a model with --family (${families}) and --from FOLDER.`
    )
  }
  if (family !== undefined && !isExportable(family)) return Result.fail(`there is no exporter for the family "${family}"; there are ${families}`)
  if (known !== undefined && family !== undefined && family !== known.family) {
    return Result.fail(`${name} is of the family ${known.family}, not ${family}; give the folder another name`)
  }
  const chosen = family ?? known?.family
  const traits = chosen === undefined ? undefined : exportableFamilies[chosen]
  if (chosen === undefined || traits === undefined) return Result.fail(`${name} cannot be exported: its family has no exporter`)
  const problem = misfit(options, chosen, traits)
  return problem === undefined ? Result.succeed(planOf(options, chosen, traits, cwd)) : Result.fail(problem)
}
