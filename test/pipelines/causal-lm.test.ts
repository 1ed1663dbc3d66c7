import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { noiseOf } from "../../src/gpu-agent/noise/philox.ts"
import { int64Input, floatsOf } from "../../src/gpu-agent/onnx/tensors.ts"
import { type Decoder, generateDecoder, stepDecoder } from "../../src/gpu-agent/pipelines/causal-lm/decoding.ts"
import { makeDetokenizer } from "../../src/gpu-agent/pipelines/causal-lm/detokenizer.ts"
import { cacheAfter, emptyCache } from "../../src/gpu-agent/pipelines/causal-lm/kvCache.ts"
import { sample, samplingOf } from "../../src/gpu-agent/pipelines/causal-lm/sampler.ts"
import { chatTemplate } from "../../src/gpu-agent/tokenizers/chatTemplate.ts"
import { golden, goldenLogits, load, open, quiet, request, settings, tokenizer } from "./causalLmRig.ts"

/** Against transformers (golden files), on real sessions of ONNX Runtime. */

const greedy = samplingOf({ temperature: 0 })
const logitsTolerance = 1e-4

describe("prompt", () => {
  const render = chatTemplate(settings.chat_template, settings)
  for (const { decoded, ids, plain, prompt, rendered } of golden.tokens) {
    it(`has transformers' tokens: ${JSON.stringify(prompt.slice(0, 40))}`, () => {
      assert.strictEqual(render([{ role: "user", content: prompt }]), rendered)
      assert.deepStrictEqual(tokenizer.encode(rendered), ids)
      assert.deepStrictEqual(tokenizer.encode(prompt), plain)
      assert.strictEqual(makeDetokenizer(tokenizer).write(plain), decoded)
    })
  }
})

describe("logits", () => {
  for (const graph of ["decoder", "builder"] as const) {
    it.effect(`of the graph ${graph} are transformers', after the prompt, a token and a whole answer`, () =>
      Effect.gen(function*() {
        const session = yield* open(graph)
        for (const [index, { ids }] of golden.tokens.entries()) {
          const answer = golden.greedy[index]!.tokens
          let cache = emptyCache(session, settings)
          let read = 0
          for (const [position, part] of [ids, answer.slice(0, 1), answer.slice(1)].entries()) {
            if (part.length === 0) continue
            read += part.length
            const outputs = yield* session.run({
              input_ids: int64Input(part, [1, part.length]),
              attention_mask: int64Input(Array.from({ length: read }, () => 1), [1, read]),
              ...cache
            })
            cache = cacheAfter(outputs, settings)
            const last = floatsOf(outputs["logits"]!).slice(-480)
            const expected = goldenLogits(index, position)
            const difference = last.reduce((most, value, id) => Math.max(most, Math.abs(value - expected[id]!)), 0)
            assert.isBelow(difference, logitsTolerance, `case ${index}, position ${position}`)
          }
        }
      }))
  }
})

/** All tokens of an answer, with so many random numbers a run. */
const decode = Effect.fnUntraced(function*(decoder: Decoder, prompt: ReadonlyArray<number>, sampling: typeof greedy, runs: ReadonlyArray<ReadonlyArray<number>>) {
  const decoding = decoder.begin(sampling)
  const tokens: Array<number> = []
  let unread = prompt
  for (const uniforms of runs) {
    unread = yield* decoding.next(unread, uniforms)
    tokens.push(...unread)
    if (settings.eos_token_ids.includes(tokens.at(-1)!)) break
    unread = unread.slice(-1)
  }
  return tokens
})

const runsOf = (uniforms: ReadonlyArray<number>, sizes: ReadonlyArray<number>) => {
  let from = 0
  return sizes.map((size) => uniforms.slice(from, from += size))
}
const numbers = (seed: number, count: number) => Array.from({ length: count }, noiseOf(seed).uniform)
const ones = (count: number) => Array.from({ length: count }, () => 1)

describe("tokens", () => {
  it.effect("of the likeliest answer are transformers', however many a run makes", () =>
    Effect.gen(function*() {
      const generate = generateDecoder(yield* open("generate"), settings)
      const decoders = [stepDecoder(yield* open("decoder"), settings), stepDecoder(yield* open("builder"), settings)]
      for (const [index, { tokens }] of golden.greedy.entries()) {
        const prompt = golden.tokens[index]!.ids
        for (const decoder of decoders) {
          assert.deepStrictEqual(yield* decode(decoder, prompt, greedy, runsOf(numbers(1, 48), ones(48))), tokens)
        }
        for (const sizes of [[48], [1, 47], [8, 16, 24], ones(48)]) {
          assert.deepStrictEqual(yield* decode(generate, prompt, greedy, runsOf(numbers(1, 48), sizes)), tokens)
        }
      }
    }), 60_000)

  it.effect("in float16 are mostly the same, over a cache that stays float16", () =>
    Effect.gen(function*() {
      const half = generateDecoder(yield* open("half"), settings)
      let same = 0
      for (const [index, { tokens }] of golden.greedy.entries()) {
        const made = yield* decode(half, golden.tokens[index]!.ids, greedy, runsOf(numbers(1, 48), [8, 40]))
        assert.deepStrictEqual(made.slice(0, 4), tokens.slice(0, 4))
        if (made.join() === tokens.join()) same++
      }
      // Where two tokens are nearly as likely, rounding decides, and the rest is another text.
      assert.isAtLeast(same, 8)
    }))

  it.effect("that a graph draws are those that the sampler draws", () =>
    Effect.gen(function*() {
      const generate = generateDecoder(yield* open("generate"), settings)
      const steps = stepDecoder(yield* open("decoder"), settings)
      for (const { temperature, top_p } of golden.odds) {
        for (const seed of [1, 2]) {
          const sampling = samplingOf({ temperature, top_p })
          const [prompt, uniforms] = [golden.tokens[seed]!.ids, numbers(seed, 40)]
          const drawn = yield* decode(generate, prompt, sampling, [uniforms])
          assert.isAbove(drawn.length, 0)
          assert.deepStrictEqual(drawn, yield* decode(steps, prompt, sampling, runsOf(uniforms, ones(40))))
        }
      }
    }), 60_000)
})

/** Pearson's statistic and its degrees of freedom; tokens too rare for it share one bin. */
const chiSquare = (ids: ReadonlyArray<number>, odds: ReadonlyArray<number>, drawn: ReadonlyMap<number, number>, draws: number) => {
  const bins = new Map<number, { expected: number; seen: number }>()
  ids.forEach((id, i) => {
    const expected = odds[i]! * draws
    const bin = expected < 5 ? -1 : id
    const { expected: before, seen } = bins.get(bin) ?? { expected: 0, seen: 0 }
    bins.set(bin, { expected: before + expected, seen: seen + (drawn.get(id) ?? 0) })
  })
  const parts = [...bins.values()]
  assert.strictEqual(parts.reduce((sum, { seen }) => sum + seen, 0), draws, "a token was drawn that transformers leaves out")
  return { statistic: parts.reduce((sum, { expected, seen }) => sum + (seen - expected) ** 2 / expected, 0), freedom: parts.length - 1 }
}

/** The value that one sound sampler in a thousand exceeds (Wilson and Hilferty's approximation). */
const critical = (freedom: number) => freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3

const draws = 4_000
/** Of which each runs the graph. */
const jobs = 1_500
const countsOf = (ids: ReadonlyArray<number>) => {
  const counts = new Map<number, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

describe("sampled tokens", () => {
  const spread = golden.odds.filter(({ ids }) => ids.length > 1)
  for (const { ids, odds, temperature, top_p } of spread) {
    it(`follow transformers' distribution at temperature ${temperature} and top_p ${top_p}`, () => {
      const sampling = samplingOf({ temperature, top_p })
      const drawn = Array.from({ length: draws }, (_, seed) => sample(goldenLogits(0, 0), sampling, noiseOf(seed).uniform()))
      const { freedom, statistic } = chiSquare(ids, odds, countsOf(drawn), draws)
      assert.isAbove(freedom, 10)
      assert.isBelow(statistic, critical(freedom))
    })
  }

  it.effect("follow it when the graph draws them, one job a seed", () =>
    Effect.gen(function*() {
      const { ids, odds, temperature, top_p } = golden.odds[1]!
      const generate = generateDecoder(yield* open("generate"), settings)
      const sampling = samplingOf({ temperature, top_p })
      const drawn: Array<number> = []
      for (let seed = 0; seed < jobs; seed++) {
        drawn.push(...yield* generate.begin(sampling).next(golden.tokens[0]!.ids, [noiseOf(seed).uniform()]))
      }
      const { freedom, statistic } = chiSquare(ids, odds, countsOf(drawn), jobs)
      assert.isBelow(statistic, critical(freedom))
    }), 60_000)

  it("would fail with a temperature that is a little off", () => {
    const { ids, odds, temperature, top_p } = golden.odds[0]!
    const drawn = Array.from({ length: draws }, (_, seed) => sample(goldenLogits(0, 0), { temperature: temperature * 1.1, topP: top_p }, noiseOf(seed).uniform()))
    const { freedom, statistic } = chiSquare(ids, odds, countsOf(drawn), draws)
    assert.isAbove(statistic, critical(freedom))
  })
})

describe("an answer", () => {
  const textOf = (tokens: ReadonlyArray<number>) => makeDetokenizer(tokenizer).write(tokens)

  it.effect("ends at the model's end or at max_tokens, and says which", () =>
    Effect.gen(function*() {
      for (const graphs of [{ generate: "generate" }, { decoder: "builder" }] as const) {
        const model = yield* load(graphs)
        for (const { prompt, tokens } of golden.greedy) {
          const result = yield* model.run(request(prompt, { temperature: 0, max_tokens: 48 }), quiet)
          assert.strictEqual(result.text, textOf(tokens))
          assert.strictEqual(result.finish_reason, tokens.at(-1) === 2 ? "stop" : "length")
          const short = yield* model.run(request(prompt, { temperature: 0, max_tokens: 3 }), quiet)
          assert.strictEqual(short.text, textOf(tokens.slice(0, 3)))
        }
      }
    }), 60_000)

  it.effect("is the same for the same seed, another for another, and says what it was made with", () =>
    Effect.gen(function*() {
      const model = yield* load({ generate: "generate" })
      const byStep = yield* load({ decoder: "decoder" })
      const parameters = { max_tokens: 100, temperature: 0.9 }
      const first = yield* model.run(request("a", parameters, 3), quiet)
      const generate = generateDecoder(yield* open("generate"), settings)
      const drawn = yield* decode(generate, golden.tokens[2]!.ids, samplingOf(parameters), [numbers(3, 100)])
      assert.strictEqual(first.text, textOf(drawn))
      assert.strictEqual((yield* model.run(request("a", parameters, 3), quiet)).text, first.text)
      assert.strictEqual((yield* byStep.run(request("a", parameters, 3), quiet)).text, first.text)
      assert.notStrictEqual((yield* model.run(request("a", parameters, 4), quiet)).text, first.text)
      assert.deepStrictEqual(first.parameters, { max_tokens: 100, temperature: 0.9, top_p: 0.95, seed: 3 })
      const byDefault = yield* model.run(request("a", {}), quiet)
      assert.deepStrictEqual(byDefault.parameters, { max_tokens: 256, temperature: 0.7, top_p: 0.95, seed: 7 })
    }))

  it.effect("grows at its end only, never by half a character", () =>
    Effect.gen(function*() {
      for (const graphs of [{ generate: "generate" }, { decoder: "decoder" }] as const) {
        const model = yield* load(graphs)
        const heard: Array<{ step: number; steps: number; text: string | undefined }> = []
        const { text = "" } = yield* model.run(request("夜空に花火を", { max_tokens: 200, temperature: 2 }, 11), (step, steps, text) =>
          Effect.sync(() => void heard.push({ step, steps, text })))
        assert.deepStrictEqual(heard[0], { step: 0, steps: 200, text: undefined })
        assert.isAbove(heard.length, 1)
        for (const { text: part = "" } of heard) assert.isTrue(text.startsWith(part), JSON.stringify(part))
        assert.deepStrictEqual(heard.map(({ step }) => step), heard.map(({ step }) => step).toSorted((a, b) => a - b))
      }
    }))

  it.effect("ends where the context does, with a warning", () =>
    Effect.gen(function*() {
      const model = yield* load({ generate: "generate" }, { settings: { ...settings, context_length: 20, eos_token_ids: [479] } })
      const prompt = golden.tokens[0]!
      const result = yield* model.run(request(prompt.prompt, { temperature: 0, max_tokens: 48 }), quiet)
      assert.strictEqual(result.finish_reason, "length")
      assert.strictEqual(result.text, textOf(golden.greedy[0]!.tokens.slice(0, 20 - prompt.ids.length)))
      assert.deepStrictEqual(result.warnings, ["max_tokens is 48; tiny-causal-lm holds 20 tokens, which left 5 after the prompt."])
    }))

  it.effect("is refused to a prompt that fills the context, with both lengths", () =>
    Effect.gen(function*() {
      const long = "word ".repeat(300)
      const length = tokenizer.encode(`<s>[INST] ${long} [/INST]`).length
      const model = yield* load({ generate: "generate" })
      const error = yield* Effect.flip(model.run(request(long), quiet))
      assert.deepInclude(error, { _tag: "PipelineError", class: "invalid_input" })
      assert.strictEqual(error.message, `prompt: it is ${length} tokens long, and tiny-causal-lm reads at most 255. Shorten it.`)
      const fitting = golden.tokens[0]!
      const tight = (context_length: number) => load({ generate: "generate" }, { settings: { ...settings, context_length } })
      const one = yield* (yield* tight(fitting.ids.length + 1)).run(request(fitting.prompt, { temperature: 0 }), quiet)
      assert.strictEqual(one.text, textOf(golden.greedy[0]!.tokens.slice(0, 1)))
      assert.strictEqual((yield* Effect.flip((yield* tight(fitting.ids.length)).run(request(fitting.prompt), quiet))).message.split(" ")[3], "15")
    }))
})

describe("a model that is not whole", () => {
  it.effect("is refused with what it lacks", () =>
    Effect.gen(function*() {
      const refused = (...of: Parameters<typeof load>) => Effect.map(Effect.flip(load(...of)), (error) => error.message)
      assert.include(yield* refused({ generate: "decoder" }), "lacks uniforms, temperature, top_p, eos_token_ids, tokens")
      const deeper = { ...settings, cache: { ...settings.cache, layers: 3 } }
      assert.include(yield* refused({ decoder: "decoder" }, { settings: deeper }), "lacks past_key_values.2.key")
      assert.include(yield* refused({ decoder: "decoder" }, { settings: {} }), "settings in model.json of tiny-causal-lm")
      assert.include(yield* refused({ decoder: "decoder" }, { settings: { ...settings, chat_template: "{{ open" } }), "chat template of tiny-causal-lm")
    }))
})
