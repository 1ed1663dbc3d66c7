import { Context, type Effect, Schema } from "effect"

export class BlobMissing extends Schema.TaggedError<BlobMissing>()("BlobMissing", { name: Schema.String }) {}
export class BlobsFull extends Schema.TaggedError<BlobsFull>()("BlobsFull", { bucket: Schema.String }) {}
export class BlobsUnavailable extends Schema.TaggedError<BlobsUnavailable>()("BlobsUnavailable", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {}

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
}>()("darkroom/platform/blobs/Blobs") {}
