import type { JobKind, JobParameters } from "./Job.ts"
import type { ModelManifest } from "./ModelManifest.ts"

/** Whether a model can do what a job asks, by its manifest alone. Pure; the agent holds every job to it, a gateway that has the manifest too. */

export interface Asked {
  readonly kind: JobKind
  /** Input pictures. */
  readonly images: number
  readonly parameters: JobParameters
}

/** What is wrong with the request: the field that carries it, and a sentence. */
export interface Misfit {
  readonly field: string
  readonly message: string
}

const names = (values: ReadonlyArray<string>): string => (values.length === 0 ? "none" : values.join(", "))

const loraMisfit = ({ loras = [], name }: ModelManifest, asked: NonNullable<JobParameters["loras"]>): Misfit | undefined => {
  for (const [i, { name: lora, weight }] of asked.entries()) {
    const declared = loras.find((candidate) => candidate.name === lora)
    if (declared === undefined) {
      return { field: `loras.${i}.name`, message: `${name} has no adapter "${lora}"; it has: ${names(loras.map((one) => one.name))}` }
    }
    const { weight_max, weight_min } = declared
    if (weight < weight_min || weight > weight_max) {
      return { field: `loras.${i}.weight`, message: `the adapter "${lora}" of ${name} takes weights from ${weight_min} to ${weight_max}` }
    }
  }
  return undefined
}

export const misfitOf = (manifest: ModelManifest, { images, kind, parameters }: Asked): Misfit | undefined => {
  if (!manifest.kinds.includes(kind)) {
    return { field: "model", message: `${manifest.name} cannot do this kind of job (${kind}); it does: ${names(manifest.kinds)}` }
  }
  const imagesMax = manifest.images_max ?? 1
  if (images > imagesMax) {
    return { field: "images", message: `${manifest.name} takes ${imagesMax === 1 ? "one picture" : `at most ${imagesMax} pictures`} a job, and ${images} were sent` }
  }
  return loraMisfit(manifest, parameters.loras ?? [])
}
