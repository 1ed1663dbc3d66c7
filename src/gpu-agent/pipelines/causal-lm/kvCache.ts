import { floatInput } from "../../onnx/tensors.ts"
import type { Session, Tensor } from "../../onnx/session.ts"
import type { CausalLmSettings } from "./settings.ts"

/** Keys and values of the tokens that the layers have seen, under the names of the graph's inputs. */
export type KvCache = Readonly<Record<string, Tensor>>

const pastName = (layer: number, kind: string) => `past_key_values.${layer}.${kind}`

/** Input name → output name. */
export const cacheNames = ({ cache }: CausalLmSettings): ReadonlyMap<string, string> =>
  new Map(
    Array.from({ length: cache.layers }, (_, layer) => ["key", "value"].map((kind) => [pastName(layer, kind), `present.${layer}.${kind}`] as const)).flat()
  )

export const emptyCache = (session: Session, settings: CausalLmSettings): KvCache => {
  const { head_size, kv_heads } = settings.cache
  const none = (name: string) => floatInput(session, name, new Float32Array(0), [1, kv_heads, 0, head_size])
  return Object.fromEntries(Array.from(cacheNames(settings).keys(), (name) => [name, none(name)]))
}

/** The cache after a run: its outputs are the next run's inputs as they are. */
export const cacheAfter = (outputs: Readonly<Record<string, Tensor>>, settings: CausalLmSettings): KvCache =>
  Object.fromEntries(Array.from(cacheNames(settings), ([past, present]) => [past, outputs[present]!]))
