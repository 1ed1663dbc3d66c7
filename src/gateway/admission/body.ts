import { Effect, Option, Schema, SchemaIssue } from "effect"
import { randomUUID } from "node:crypto"
import { bodyMaxBytes } from "../../contract/limits.ts"
import { type ApiProblem, problem } from "../problem.ts"
import { takeLargeField } from "./largeField.ts"

/** A picture as it came: a file of a form, or the ASCII text of a field that was too long to become a string. */
export type SentImage = { readonly _tag: "File"; readonly bytes: Uint8Array } | { readonly _tag: "Text"; readonly text: Buffer }

/** A request body taken apart. */
export interface RequestBody {
  /** As sent; where the picture was taken out, something stands in its place. */
  readonly fields: Record<string, unknown>
  readonly image: SentImage | undefined
  /** The further pictures of a form, in order; `undefined` where one came as text, which stands in `fields.images`. */
  readonly images: ReadonlyArray<SentImage | undefined>
}

const imageFields = ["image", "image_base64"]
const furtherImagesField = "images"

const tooLarge = () =>
  problem("too-large", `The body is larger than ${bodyMaxBytes / 1024 ** 2} MiB; an image may have 10 MiB.`)

const malformed = (what: string) => problem("invalid-request", what)

/** Counts while it streams: what is too long is refused before more of it is kept. */
const readBytes = (request: Request): Effect.Effect<Buffer, ApiProblem> =>
  Effect.suspend(() => {
    if (Number(request.headers.get("content-length") ?? 0) > bodyMaxBytes) return Effect.fail(tooLarge())
    const body = request.body
    if (body === null) return Effect.succeed(Buffer.alloc(0))
    return Effect.tryPromise({
      try: async () => {
        const reader = body.getReader()
        const chunks: Array<Uint8Array> = []
        let bytes = 0
        for (;;) {
          const { done, value } = await reader.read()
          if (done) return chunks.length === 1 ? Buffer.from(chunks[0]!.buffer, chunks[0]!.byteOffset, bytes) : Buffer.concat(chunks, bytes)
          bytes += value.byteLength
          if (bytes > bodyMaxBytes) {
            reader.cancel().catch(() => {})
            return undefined
          }
          chunks.push(value)
        }
      },
      catch: () => malformed("The body ended early.")
    }).pipe(Effect.flatMap((bytes) => bytes === undefined ? Effect.fail(tooLarge()) : Effect.succeed(bytes)))
  })

const parseText = (json: string): Effect.Effect<Record<string, unknown>, ApiProblem> =>
  Effect.try({
    try: () => JSON.parse(json) as unknown,
    catch: (cause) => malformed(`The body is not JSON: ${cause instanceof Error ? cause.message.slice(0, 120) : "it cannot be parsed"}.`)
  }).pipe(Effect.flatMap((value) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Effect.succeed(value as Record<string, unknown>)
      : Effect.fail(malformed("The body must be a JSON object."))
  ))

const parseJson = Effect.fnUntraced(function*(bytes: Buffer): Effect.fn.Return<RequestBody, ApiProblem> {
  const large = takeLargeField(bytes, imageFields, randomUUID())
  const fields = yield* parseText(large?.json ?? bytes.toString("utf8"))
  if (large === undefined) return { fields, image: undefined, images: [] }
  if (fields[large.name] === large.marker) return { fields, image: { _tag: "Text", text: large.text }, images: [] }
  return { fields: yield* parseText(bytes.toString("utf8")), image: undefined, images: [] }
})

/** Text of a form field as the JSON that it stands for, where the field is a number or a list. */
const fromFormText = (field: string, text: string): unknown => {
  if (field === "loras") return Option.getOrElse(parseList(text), () => text)
  return field !== "prompt" && field !== "client_id" && /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text) ? Number(text) : text
}

const parseList = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Array(Schema.Unknown)))

const parseMultipart = (bytes: Buffer, contentType: string): Effect.Effect<RequestBody, ApiProblem> =>
  Effect.tryPromise({
    try: async () => {
      const form = await new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { "content-type": contentType } }).formData()
      const fields: Record<string, unknown> = {}
      let image: SentImage | undefined
      const images: Array<SentImage | undefined> = []
      for (const [field, value] of form) {
        if (field === furtherImagesField) {
          // What a browser sends for a file input that was left empty.
          if (value === "" || (typeof value !== "string" && value.name === "" && value.size === 0)) continue
          images.push(typeof value === "string" ? undefined : { _tag: "File", bytes: await value.bytes() })
          fields[field] = [...(fields[field] as Array<string> | undefined ?? []), typeof value === "string" ? value : value.name]
        } else if (typeof value === "string") fields[field] = fromFormText(field, value)
        else if (imageFields.includes(field)) {
          image = { _tag: "File", bytes: await value.bytes() }
          fields[field] = value.name
        } else fields[field] = null
      }
      return { fields, image, images }
    },
    catch: () => malformed("The multipart body cannot be parsed.")
  })

/** Reads a JSON or multipart body of at most `bodyMaxBytes`. */
export const readBody = Effect.fn("gateway.readBody")(function*(request: Request) {
  const contentType = request.headers.get("content-type") ?? "application/json"
  const mediaType = contentType.split(";")[0]!.trim().toLowerCase()
  const isJson = mediaType === "application/json" || mediaType.endsWith("+json")
  if (!isJson && mediaType !== "multipart/form-data") {
    return yield* problem(
      "unsupported-media-type",
      `The content type "${mediaType.slice(0, 100)}" is not supported; send application/json or multipart/form-data.`,
      { headers: { Accept: "application/json, multipart/form-data" } }
    )
  }
  const bytes = yield* readBytes(request)
  return yield* isJson ? parseJson(bytes) : parseMultipart(bytes, contentType)
})

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const fieldErrors = (error: Schema.SchemaError) =>
  issuesOf(error.issue).issues.map((issue) => ({
    field: (issue.path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment)).join("."),
    message: issue.message === "Missing key" ? "is required" : issue.message
  }))

/** Decodes fields, or a problem that names each wrong one. */
export const decodeFields = <S extends Schema.Codec<any, any>>(
  schema: S,
  fields: unknown
): Effect.Effect<S["Type"], ApiProblem> =>
  Schema.decodeUnknownEffect(schema, { errors: "all" })(fields).pipe(
    Effect.mapError((error) => {
      const errors = fieldErrors(error)
      return problem("invalid-request", errors.map(({ field, message }) => `${field}: ${message}`).join("; "), { errors })
    })
  )

/** One warning for each field that the route does not know. */
export const unknownFieldWarnings = (known: object, fields: Record<string, unknown>): ReadonlyArray<string> =>
  Object.keys(fields).filter((field) => !Object.hasOwn(known, field)).slice(0, 20).map((field) =>
    `the field "${field.slice(0, 64)}" is unknown and was ignored`
  )
