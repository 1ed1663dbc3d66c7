import { knownModels } from "../../contract/modelCatalogue.ts"
import type { ModelVariant } from "../../contract/ModelManifest.ts"

/** What was typed behind `darkroom models`. Pure. */

export type Precision = ModelVariant["precision"]

/** An adapter whose weight a job chooses, between 0 and `weightMax`. */
export interface AdapterFile {
  readonly name: string
  readonly file: string
  readonly weightMax: number
}

export interface AddOptions {
  readonly name: string
  /** A folder as diffusers or transformers write it, instead of the download. */
  readonly from: string | undefined
  readonly family: string | undefined
  readonly precisions: ReadonlyArray<Precision>
  readonly adapters: ReadonlyArray<AdapterFile>
  /** Options of the family's exporter. */
  readonly set: Readonly<Record<string, unknown>>
  readonly acceptLicense: boolean
  /** Go on though disk or memory look too small. */
  readonly force: boolean
}

export type ModelsAction =
  | { readonly _tag: "List" }
  | { readonly _tag: "Add"; readonly options: AddOptions }
  | { readonly _tag: "Verify"; readonly name: string | undefined }
  | { readonly _tag: "Remove"; readonly name: string; readonly yes: boolean }

export interface ModelsValues {
  readonly from?: string | undefined
  readonly family?: string | undefined
  readonly precision?: string | undefined
  readonly lora?: ReadonlyArray<string> | undefined
  readonly set?: ReadonlyArray<string> | undefined
  readonly "accept-license"?: boolean | undefined
  readonly force?: boolean | undefined
  readonly yes?: boolean | undefined
}

export const modelsOptions = ["from", "family", "precision", "lora", "set", "accept-license", "force", "yes"]

const optionsOf: Readonly<Record<string, ReadonlyArray<string>>> = {
  list: [],
  add: modelsOptions.filter((name) => name !== "yes"),
  verify: [],
  remove: ["yes"]
}

export const modelsUsage = `darkroom models list | add NAME | verify [NAME] | remove NAME

list     what is installed, with its size and licence, and what is not right about it; what could be added
add      fetches a known model (${knownModels.map((model) => model.name).join(", ")}) or takes a folder,
         makes ONNX graphs of it and installs them. Run it again after an interruption: downloads go on where they stopped.
verify   reads every byte of one model, or of all, and names the file that is wrong
remove   deletes a model's files

  --from FOLDER           weights as diffusers or transformers write them, instead of a download
  --family FAMILY         of a folder under a name of your own: qwen-image-edit, sdxl or causal-lm
  --precision P[,P]       bf16, fp16, fp32, int8, int4: a variant each; those for the CPU are fp32, int8 (sdxl) and int4 (causal-lm)
  --lora NAME=FILE[:MAX]  an adapter that jobs may ask for, with weights from 0 to MAX (1); may be repeated
  --set OPTION=VALUE      an option of the family's exporter (scripts/export/README.md); may be repeated
  --accept-license        you have read the licence that is named; without it you are asked
  --force                 go on though disk or memory look too small
  --yes                   remove without asking

Models are put into MODELS_DIR (its first folder), else into models of the checkout. The exporter needs Python 3.11 or newer and makes
an environment of its own (about 6 GB, once) under the cache; DARKROOM_EXPORT_PYTHON names a Python that has the packages already.`

const precisions: ReadonlyArray<Precision> = ["fp32", "fp16", "bf16", "int8", "int4"]
const isPrecision = (text: string): text is Precision => (precisions as ReadonlyArray<string>).includes(text)

const isName = (text: string): boolean => /^[a-z0-9][a-z0-9.-]{0,62}$/.test(text)

const adapterOf = (text: string): AdapterFile | string => {
  const match = /^([a-z0-9][a-z0-9_]{0,62})=(.+?)(?::(\d+(?:\.\d+)?))?$/.exec(text)
  if (match === null) return `--lora must be NAME=FILE or NAME=FILE:MAX with a name of lower-case letters, digits and _, not "${text}"`
  return { name: match[1]!, file: match[2]!, weightMax: Number(match[3] ?? 1) }
}

/** JSON where it is some, else the text itself. */
const settingOf = (text: string): readonly [string, unknown] | string => {
  const at = text.indexOf("=")
  if (at <= 0) return `--set must be OPTION=VALUE, not "${text}"`
  const value = text.slice(at + 1)
  try {
    return [text.slice(0, at), JSON.parse(value)]
  } catch {
    return [text.slice(0, at), value]
  }
}

const firstText = (values: ReadonlyArray<unknown>): string | undefined => values.find((value) => typeof value === "string")

const add = (values: ModelsValues, name: string): ModelsAction | string => {
  const asked = (values.precision ?? "").split(",").map((text) => text.trim()).filter((text) => text !== "")
  const strange = asked.find((text) => !isPrecision(text))
  const adapters = (values.lora ?? []).map(adapterOf)
  const settings = (values.set ?? []).map(settingOf)
  const problem = firstText(adapters) ?? firstText(settings)
  if (strange !== undefined) return `there is no precision "${strange}"; there are ${precisions.join(", ")}`
  if (problem !== undefined) return problem
  return {
    _tag: "Add",
    options: {
      name,
      from: values.from,
      family: values.family,
      precisions: [...new Set(asked.filter(isPrecision))],
      adapters: adapters.filter((one) => typeof one !== "string"),
      set: Object.fromEntries(settings.filter((one) => typeof one !== "string")),
      acceptLicense: values["accept-license"] ?? false,
      force: values.force ?? false
    }
  }
}

/** The action, or what is wrong. */
export const parseModels = (values: ModelsValues, rest: ReadonlyArray<string>): ModelsAction | string => {
  const [action = "", name, more] = rest
  const allowed = optionsOf[action]
  if (allowed === undefined) return "models needs one of list, add, verify, remove"
  const foreign = modelsOptions.find((option) => option in values && !allowed.includes(option))
  if (foreign !== undefined) return `models ${action} has no option --${foreign}`
  if (more !== undefined || (action === "list" && name !== undefined)) return `models ${action} takes no "${more ?? name}"`
  if (action === "list") return { _tag: "List" }
  if (name !== undefined && !isName(name)) return `a model's name has lower-case letters, digits, . and -, unlike "${name}"`
  if (action === "verify") return { _tag: "Verify", name }
  if (name === undefined) return `models ${action} needs the name of a model`
  return action === "add" ? add(values, name) : { _tag: "Remove", name, yes: values.yes ?? false }
}
