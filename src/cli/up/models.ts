import type { JobKind } from "../../contract/Job.ts"
import type { ModelManifest } from "../../contract/ModelManifest.ts"

/** Which installed models a machine serves, and which of them a kind of job gets that names none. Pure. */

export const jobKinds = ["edit", "image_to_image", "text_to_image", "frames", "text"] as const satisfies ReadonlyArray<JobKind>

/** What `darkroom up` lets agents run on: `DARKROOM_DEVICE`, and the CPU when nothing is said. */
export type UpDevice = "auto" | "cpu" | "cuda"

const runsOn = (manifest: ModelManifest, device: UpDevice): boolean =>
  manifest.variants.some(({ execution_provider }) => device === "auto" || execution_provider === device)

/** The models made for tests are served only where they were asked for. */
export const servable = (
  manifests: ReadonlyArray<ModelManifest>,
  options: { readonly testModels: boolean; readonly device: UpDevice }
): ReadonlyArray<ModelManifest> =>
  manifests.filter((manifest) => (options.testModels || manifest.family !== "noop") && runsOn(manifest, options.device))

/** Whether the machine has what the model declares to need; nothing is said of GPUs, which only an agent can ask. */
export const fits = ({ variants }: ModelManifest, device: UpDevice, memoryBytes: number): boolean =>
  device !== "cpu" || variants.some(({ execution_provider, memory_bytes }) => execution_provider === "cpu" && memory_bytes <= memoryBytes)

/** Made by this repository's own scripts, to have something to look at before real weights are installed. */
const isStarter = ({ name }: ModelManifest): boolean => /^starter(-|$)/.test(name)

/** What of a request the model heeds: between two real models, the one that takes `strength` transforms a photo better. */
const heeded: Readonly<Record<JobKind, ReadonlyArray<string>>> = {
  edit: ["steps", "cfg"],
  image_to_image: ["strength", "negative_prompt"],
  text_to_image: ["width", "height"],
  frames: ["num_frames"],
  text: ["max_tokens", "temperature"]
}

/** Lower is better: the test model (there only when asked for), real models, starters; the name decides between equals. */
const rankOf = (manifest: ModelManifest, kind: JobKind): number => {
  if (manifest.family === "noop") return 0
  if (isStarter(manifest)) return 100
  return 50 - manifest.uses_parameters.filter((name) => heeded[kind].includes(name)).length
}

export type Defaults = Readonly<Partial<Record<JobKind, string>>>

export const defaultsOf = (manifests: ReadonlyArray<ModelManifest>): Defaults =>
  Object.fromEntries(jobKinds.flatMap((kind) => {
    const [best] = manifests
      .filter((manifest) => manifest.kinds.includes(kind))
      .toSorted((a, b) => rankOf(a, kind) - rankOf(b, kind) || (a.name < b.name ? -1 : 1))
    return best === undefined ? [] : [[kind, best.name]]
  }))

/** In the order of a pool's list: the first is loaded at the start, the others when a job asks for them. */
export const inPoolOrder = (
  manifests: ReadonlyArray<ModelManifest>,
  fits: (manifest: ModelManifest) => boolean = () => true
): ReadonlyArray<string> => {
  const { edit } = defaultsOf(manifests.filter(fits))
  const names = manifests.map(({ name }) => name)
  return edit === undefined ? names : [edit, ...names.filter((name) => name !== edit)]
}

/**
 * The pool's list after models were installed or removed since `up` last wrote it: new ones are added, removed ones go,
 * and what a person took out or put in stays so. `known`: what was installed then; `undefined` before the first time.
 */
export const updatedList = (
  listed: ReadonlyArray<string>,
  installed: ReadonlyArray<string>,
  known: ReadonlyArray<string> | undefined
): ReadonlyArray<string> => {
  const before = known ?? listed
  const kept = listed.filter((name) => installed.includes(name) || !before.includes(name))
  return [...kept, ...installed.filter((name) => !before.includes(name) && !kept.includes(name))]
}
