import { Result } from "effect"
import type { JobKind } from "../../contract/Job.ts"
import { knownModel, knownModelFor } from "../../contract/modelCatalogue.ts"
import type { PoolView } from "../pools/PoolRegistry.ts"

/** Where a job goes. Pure. */
export interface Destination {
  readonly pool: string
  readonly model: string
}

export type NoDestination =
  | { readonly reason: "no_default_model"; readonly kind: JobKind }
  | { readonly reason: "no_pool_lists_it"; readonly model: string }
  /** A pool lists the model and its fleet has not (yet) said that jobs may be routed there. */
  | { readonly reason: "not_ready"; readonly model: string; readonly pool: string }

export interface RouteRequest {
  readonly kind: JobKind
  /** Named by the caller. */
  readonly model: string | undefined
  readonly defaultModel: string | undefined
  readonly defaultEditPool: string | undefined
}

/** The pool that serves `/api/edit`, and of `/api/queue` and `/api/gpu/scale`: the configured one, else the first. */
export const defaultPoolOf = (pools: ReadonlyArray<PoolView>, configured: string | undefined): PoolView | undefined =>
  configured === undefined ? pools[0] : pools.find((pool) => pool.name === configured)

export const isReadyFor = (pool: PoolView, model: string): boolean =>
  pool.spec.models.includes(model) && pool.lanesReadyFor.includes(model)

const modelOf = (pools: ReadonlyArray<PoolView>, request: RouteRequest): string | undefined =>
  request.model ??
    request.defaultModel ??
    (request.kind === "edit" ? defaultPoolOf(pools, request.defaultEditPool)?.spec.models[0] : undefined)

export const chooseDestination = (
  pools: ReadonlyArray<PoolView>,
  request: RouteRequest
): Result.Result<Destination, NoDestination> => {
  const model = modelOf(pools, request)
  if (model === undefined) return Result.fail({ reason: "no_default_model", kind: request.kind })
  const preferred = request.kind === "edit" ? defaultPoolOf(pools, request.defaultEditPool) : undefined
  const candidates = preferred === undefined ? pools : [preferred, ...pools]
  const ready = candidates.find((pool) => isReadyFor(pool, model))
  if (ready !== undefined) return Result.succeed({ pool: ready.name, model })
  const listed = candidates.find((pool) => pool.spec.models.includes(model))
  return Result.fail(
    listed === undefined
      ? { reason: "no_pool_lists_it", model }
      : { reason: "not_ready", model, pool: listed.name }
  )
}

const variableOf: Readonly<Record<JobKind, string>> = {
  edit: "DEFAULT_EDIT_MODEL",
  image_to_image: "DEFAULT_IMAGE_EDIT_MODEL",
  text_to_image: "DEFAULT_IMAGE_MODEL",
  frames: "DEFAULT_FRAMES_MODEL",
  text: "DEFAULT_TEXT_MODEL"
}

const installLine = (model: string): string => `darkroom models add ${model}${knownModel(model) === undefined ? " --family FAMILY --from FOLDER" : ""}`

export const explainNoDestination = (failure: NoDestination): string => {
  switch (failure.reason) {
    case "no_default_model": {
      const known = knownModelFor(failure.kind)?.name
      return `No model is set for this kind of job (${failure.kind}). Install one${known === undefined ? "" : ` with \`${installLine(known)}\``}, ` +
        `then start \`darkroom up\` again; elsewhere list it in a pool (spec.models) and name it in ${variableOf[failure.kind]}, or send "model".`
    }
    case "no_pool_lists_it":
      return `No pool serves the model "${failure.model}". Install it with \`${installLine(failure.model)}\`, unless it is in MODELS_DIR already, ` +
        "then start `darkroom up` again; elsewhere list it in a pool (spec.models)."
    case "not_ready":
      return `The pool "${failure.pool}" lists the model "${failure.model}" but is not ready for jobs yet: ` +
        "its fleet has not reported. Start it with `darkroom up`, or try again in a few seconds."
  }
}
