import { type ObjectInfo, Objm, setSha256Backend } from "@nats-io/obj"
import { Config, Context, Effect, Layer, Schema } from "effect"
import { createHash } from "node:crypto"
import { blobBucket } from "../../contract/subjects.ts"
import { Connection } from "../nats/Connection.ts"
import { type Failure, failureOf } from "../nats/natsErrors.ts"
import { type NewObject, writeNewObject } from "./writeObject.ts"

export class BlobMissing extends Schema.TaggedError<BlobMissing>()("BlobMissing", { name: Schema.String }) {
  override get message(): string {
    return `there is no blob ${this.name}: it was removed, or has aged out`
  }
}
export class BlobsFull extends Schema.TaggedError<BlobsFull>()("BlobsFull", { bucket: Schema.String }) {
  override get message(): string {
    return `the bucket ${this.bucket} is full: raise its max_bytes, or wait until old images age out`
  }
}
export class BlobsUnavailable extends Schema.TaggedError<BlobsUnavailable>()("BlobsUnavailable", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the image store is not available: ${this.operation}`
  }
}

/** Images in and out. Written before the event that names them; names are never reused (subjects.ts gives them). */
export class Blobs extends Context.Service<Blobs, {
  /** A name that already holds the same digest is left as it is. */
  readonly put: (name: string, bytes: Uint8Array, sha256: string) => Effect.Effect<void, BlobsFull | BlobsUnavailable>
  readonly get: (name: string) => Effect.Effect<Uint8Array, BlobMissing | BlobsUnavailable>
  readonly remove: (name: string) => Effect.Effect<void, BlobsUnavailable>
  /** Names and ages of all objects, for the sweeper's search for orphans. */
  readonly list: Effect.Effect<ReadonlyArray<{ readonly name: string; readonly bytes: number; readonly modifiedAt: Date }>, BlobsUnavailable>
  /** `output_image_url`: a URL when the store has a public base URL, else "". */
  readonly publicUrl: (name: string) => string
}>()("darkroom/platform/blobs/Blobs") {
  /** On the NATS object store. */
  static readonly layer: Layer.Layer<Blobs, Config.ConfigError, Connection> = Layer.effect(Blobs, Effect.suspend(() => make))
}

/** A picture of 25 million pixels, uncompressed, and some; nothing larger can be a valid blob. */
export const blobMaxBytes = 80 * 1024 * 1024
const chunkMaxBytes = 1024 * 1024
/** Room for the headers of a chunk within the server's `max_payload`. */
const headersMaxBytes = 1024
/** A read or write that takes longer has stalled. */
const transferTimeoutMs = 60_000
const digestPrefix = "SHA-256="

/** The digest as the object store writes it. */
const digestOf = (sha256: string): string => digestPrefix + Buffer.from(sha256, "hex").toString("base64url") + "="

const make = Effect.gen(function*() {
  const { js, jsm, nc } = yield* Connection
  const baseUrl = yield* Config.String("BLOBS_PUBLIC_BASE_URL").pipe(Config.withDefault(""))
  setSha256Backend("native")
  // Opened without a look at the bucket: programs may start before it exists.
  const store = yield* Effect.promise(() => new Objm(js).open(blobBucket, false))

  const attempt = <A>(operation: string, promise: () => Promise<A>) =>
    Effect.tryPromise({ try: promise, catch: unavailable(operation) }).pipe(
      Effect.timeoutOrElse({
        duration: transferTimeoutMs,
        orElse: () => unavailable(operation)(new Error(`stalled for ${transferTimeoutMs} ms`))
      })
    )

  const info = (name: string) =>
    Effect.map(attempt("look up a blob", () => store.info(name)), (found) => (found === null || found.deleted ? undefined : found))

  /** A replica may be behind, so the stream's leader has the last word; `undefined` when the chunks are not there, or others. */
  const readWhole = Effect.fnUntraced(function*(found: ObjectInfo) {
    const replica = yield* attempt("read a blob", () => readChunks(found, (query) => jsm.direct.getMessage(streamOf(found), query)))
    return replica ?? (yield* attempt("read a blob", () => readChunks(found, (query) => jsm.streams.getMessage(streamOf(found), query))))
  })

  const put = Effect.fn("Blobs.put")(function*(name: string, bytes: Uint8Array, sha256: string) {
    if (bytes.byteLength > blobMaxBytes) {
      return yield* Effect.die(new Error(`${name} has ${bytes.byteLength} bytes; a blob has at most ${blobMaxBytes}`))
    }
    const found = createHash("sha256").update(bytes).digest("hex")
    if (found !== sha256) return yield* Effect.die(new Error(`${name}: the bytes have the SHA-256 ${found}, not ${sha256}`))
    const max_chunk_size = Math.min(chunkMaxBytes, (nc.info?.max_payload ?? chunkMaxBytes) - headersMaxBytes)
    const object = { bucket: blobBucket, name, bytes, digest: digestOf(sha256), chunkMaxBytes: max_chunk_size }
    yield* attempt("write a blob", () => writeNewObject(js, jsm, object)).pipe(
      Effect.catchIf(failedBy("conflict"), () => putOverTaken(object)),
      Effect.catchIf(failedBy("full"), () => new BlobsFull({ bucket: blobBucket }))
    )
  })

  /** The name was used before: by an earlier try of the same write, which may have left an entry without chunks, or by a blob that was removed. */
  const putOverTaken = Effect.fnUntraced(function*({ bytes, chunkMaxBytes, digest, name }: NewObject) {
    const found = yield* info(name)
    if (found?.digest === digest && (yield* readWhole(found)) !== undefined) return
    yield* attempt("write a blob", () => store.putBlob({ name, options: { max_chunk_size: chunkMaxBytes } }, bytes))
  })

  const get = Effect.fn("Blobs.get")(function*(name: string) {
    const found = yield* info(name)
    if (found === undefined) return yield* new BlobMissing({ name })
    if (found.size > blobMaxBytes) {
      return yield* new BlobsUnavailable({ operation: "read a blob", cause: new Error(`${name} has ${found.size} bytes`) })
    }
    const bytes = yield* readWhole(found)
    if (bytes !== undefined) return bytes
    // Removed while it was read?
    if ((yield* info(name)) === undefined) return yield* new BlobMissing({ name })
    return yield* unavailable("read a blob")(new Error(`${name}: its chunks are not what its entry says`))
  })

  const remove = Effect.fn("Blobs.remove")(function*(name: string) {
    if ((yield* info(name)) === undefined) return
    yield* attempt("remove a blob", () => store.delete(name))
  })

  const list = Effect.map(attempt("list the blobs", () => store.list()), (infos) =>
    infos.map((found) => ({ name: found.name, bytes: found.size, modifiedAt: new Date(found.mtime) })))

  const publicUrl = (name: string) => (baseUrl === "" ? "" : `${baseUrl.replace(/\/+$/, "")}/${name}`)

  return Blobs.of({ put, get, remove, list, publicUrl })
})

const failedBy = (failure: Failure) => (error: BlobsUnavailable): error is BlobsUnavailable => failureOf(error.cause) === failure

const unavailable = (operation: string) => (cause: unknown) => new BlobsUnavailable({ operation, cause })

const streamOf = (info: ObjectInfo): string => `OBJ_${info.bucket}`

interface Chunk {
  readonly data: Uint8Array
  readonly seq: number
}

/**
 * The chunks one by one: one request a chunk instead of a consumer made and removed for every picture. Undefined when one
 * is missing or the digest is wrong.
 */
const readChunks = async (
  info: ObjectInfo,
  next: (query: { readonly seq: number; readonly next_by_subj: string }) => Promise<Chunk | null>
): Promise<Uint8Array | undefined> => {
  const chunkSubject = `$O.${info.bucket}.C.${info.nuid}`
  const bytes = new Uint8Array(info.size)
  const digest = createHash("sha256")
  let offset = 0
  for (let chunk = 0, sequence = 1; chunk < info.chunks; chunk++) {
    const message = await next({ seq: sequence, next_by_subj: chunkSubject })
    if (message === null || offset + message.data.byteLength > info.size) return undefined
    bytes.set(message.data, offset)
    digest.update(message.data)
    offset += message.data.byteLength
    sequence = message.seq + 1
  }
  return offset === info.size && digestOf(digest.digest("hex")) === info.digest ? bytes : undefined
}
