import { Effect, Schema } from "effect"
import { readFile, writeFile } from "node:fs/promises"
import { Problem } from "../contract/Problem.ts"

/** The edit API as the command line uses it. */

export class EditFailed extends Schema.TaggedError<EditFailed>()("EditFailed", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

/** An edit that waits for a cold start is answered within EDIT_WAIT (300 s by default). */
const editTimeoutMs = 320_000

export interface EditCall {
  readonly api: string
  readonly key: string
  readonly photo: string
  readonly sentence: string
  readonly out: string
  readonly seed: number | undefined
  readonly model: string | undefined
}

const Answer = Schema.Struct({
  job_id: Schema.String,
  actual_time_s: Schema.Finite,
  output_b64: Schema.String,
  output_image_url: Schema.String,
  warnings: Schema.optionalKey(Schema.Array(Schema.String))
})

const failure = (what: string) => (cause: unknown) =>
  new EditFailed({ reason: `${what}: ${cause instanceof Error ? cause.message : String(cause)}` })

const refusal = (status: number, body: string): EditFailed => {
  const problem = Schema.decodeUnknownOption(Schema.fromJsonString(Problem))(body)
  if (problem._tag === "None") return new EditFailed({ reason: `the gateway answered ${status}: ${body.slice(0, 300)}` })
  // `detail` names every field already.
  const { detail, job_id } = problem.value
  return new EditFailed({ reason: `the gateway answered ${status}: ${detail}${job_id === undefined ? "" : ` (job ${job_id})`}` })
}

/** Sends a photo and writes what comes back; the answer without its picture is the result. */
export const edit = Effect.fn("edit")(function*(call: EditCall) {
  const image = yield* Effect.tryPromise({ try: () => readFile(call.photo, "base64"), catch: failure(`${call.photo} cannot be read`) })
  const { model, seed } = call
  const body = JSON.stringify({
    image,
    prompt: call.sentence,
    ...(seed === undefined ? {} : { seed }),
    ...(model === undefined ? {} : { model })
  })
  const response = yield* Effect.tryPromise({
    try: async () => {
      const answer = await fetch(`${call.api}/api/edit`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-api-key": call.key },
        body,
        signal: AbortSignal.timeout(editTimeoutMs)
      })
      return { ok: answer.ok, status: answer.status, text: await answer.text() }
    },
    catch: failure(`no answer from ${call.api}`)
  })
  if (!response.ok) return yield* refusal(response.status, response.text)
  const answer = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Answer))(response.text).pipe(
    Effect.mapError(failure("the gateway's answer is not one of an edit"))
  )
  const bytes = answer.output_b64 !== ""
    ? Buffer.from(answer.output_b64, "base64")
    : yield* Effect.tryPromise({
      try: async () => Buffer.from(await (await fetch(answer.output_image_url)).arrayBuffer()),
      catch: failure(`${answer.output_image_url} cannot be fetched`)
    })
  yield* Effect.tryPromise({ try: () => writeFile(call.out, bytes), catch: failure(`${call.out} cannot be written`) })
  return answer
})
