import { Effect } from "effect"
import { floatsOf, int64Input } from "../../onnx/tensors.ts"
import { type OnnxError, type Session, Tensor } from "../../onnx/session.ts"
import { cacheAfter, cacheNames, emptyCache } from "./kvCache.ts"
import { sample, type Sampling } from "./sampler.ts"
import type { CausalLmSettings } from "./settings.ts"

/** One answer in the making. */
export interface Decoding {
  /**
   * Reads the tokens that were not read yet, and draws the next ones with these numbers in [0, 1): at least one token, and
   * at most one for each number. The last may be an end.
   */
  readonly next: (unread: ReadonlyArray<number>, uniforms: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<number>, OnnxError>
}

export interface Decoder {
  readonly begin: (sampling: Sampling) => Decoding
  /** Tokens that one run can make. */
  readonly tokensMax: number
  /** What the graph lacks of its contract. */
  readonly missing: ReadonlyArray<string>
}

const missingFrom = (session: Session, settings: CausalLmSettings, inputs: ReadonlyArray<string>, output: string) => {
  const names = cacheNames(settings)
  return [
    ...[...inputs, ...names.keys()].filter((name) => !session.inputNames.includes(name)),
    ...[output, ...names.values()].filter((name) => !session.outputNames.includes(name))
  ]
}

const scalar = (value: number) => new Tensor("float32", Float32Array.of(value), [])

/** The graph `generate`: draws inside, several tokens a run, so that the cache crosses to this process once for all of them. */
export const generateDecoder = (session: Session, settings: CausalLmSettings): Decoder => ({
  missing: missingFrom(session, settings, ["input_ids", "uniforms", "temperature", "top_p", "eos_token_ids"], "tokens"),
  tokensMax: Number.POSITIVE_INFINITY,
  begin: ({ temperature, topP }) => {
    let cache = emptyCache(session, settings)
    return {
      next: Effect.fnUntraced(function*(unread, uniforms) {
        const outputs = yield* session.run({
          input_ids: int64Input(unread, [1, unread.length]),
          uniforms: new Tensor("float32", Float32Array.from(uniforms), [uniforms.length]),
          temperature: scalar(temperature),
          top_p: scalar(topP),
          eos_token_ids: int64Input(settings.eos_token_ids, [settings.eos_token_ids.length]),
          ...cache
        })
        cache = cacheAfter(outputs, settings)
        return Array.from(outputs["tokens"]!.data as BigInt64Array, Number)
      })
    }
  }
})

/** The graph `decoder`, which onnxruntime-genai's builder makes as well: one token a run, drawn here from its logits. */
export const stepDecoder = (session: Session, settings: CausalLmSettings): Decoder => ({
  missing: missingFrom(session, settings, ["input_ids", "attention_mask"], "logits"),
  tokensMax: 1,
  begin: (sampling) => {
    let cache = emptyCache(session, settings)
    let read = 0
    return {
      next: Effect.fnUntraced(function*(unread, uniforms) {
        read += unread.length
        const outputs = yield* session.run({
          input_ids: int64Input(unread, [1, unread.length]),
          attention_mask: new Tensor("int64", new BigInt64Array(read).fill(1n), [1, read]),
          ...cache
        })
        cache = cacheAfter(outputs, settings)
        const logits = outputs["logits"]!
        // Of the last position; graphs may give all of them.
        return [sample(floatsOf(logits).subarray(-logits.dims.at(-1)!), sampling, uniforms[0]!)]
      })
    }
  }
})
