import { type JetStreamClient, type JetStreamManager, JsHeaders } from "@nats-io/jetstream"
import { headers, nuid } from "@nats-io/transport-node"

/** Chunks on their way at once; each is a message of up to a megabyte. */
const chunksInFlightMax = 4

export interface NewObject {
  readonly bucket: string
  readonly name: string
  readonly bytes: Uint8Array
  /** As the object store writes it: `SHA-256=` and padded base64url. */
  readonly digest: string
  readonly chunkMaxBytes: number
}

const chunksOf = ({ bytes, chunkMaxBytes }: NewObject): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.byteLength / chunkMaxBytes) }, (_, i) => bytes.subarray(i * chunkMaxBytes, (i + 1) * chunkMaxBytes))

const entrySubject = (bucket: string, name: string): string => {
  const encoded = Buffer.from(name).toString("base64url")
  return `$O.${bucket}.M.${encoded.padEnd(Math.ceil(encoded.length / 4) * 4, "=")}`
}

/**
 * Writes an object whose name is free, in the layout of the NATS object store (ADR-20 of NATS): its chunks, then the entry that
 * names them, by compare-and-swap. The client library looks the name up twice before it writes; for a small picture that
 * is half of the time. Rejects with the broker's conflict (`failureOf`) when the name is taken; then, and after any other
 * failure, the chunks are removed again.
 */
export const writeNewObject = async (js: JetStreamClient, jsm: JetStreamManager, object: NewObject): Promise<void> => {
  const { bucket, bytes, chunkMaxBytes, digest, name } = object
  const id = nuid.next()
  const chunkSubject = `$O.${bucket}.C.${id}`
  const chunks = chunksOf(object)
  try {
    for (let from = 0; from < chunks.length; from += chunksInFlightMax) {
      await Promise.all(chunks.slice(from, from + chunksInFlightMax).map((chunk) => js.publish(chunkSubject, chunk)))
    }
    const entry = {
      name,
      options: { max_chunk_size: chunkMaxBytes },
      bucket,
      nuid: id,
      size: bytes.byteLength,
      chunks: chunks.length,
      mtime: new Date().toISOString(),
      digest,
      deleted: false
    }
    const rollup = headers()
    rollup.set(JsHeaders.RollupHdr, JsHeaders.RollupValueSubject)
    await js.publish(entrySubject(bucket, name), JSON.stringify(entry), { headers: rollup, expect: { lastSubjectSequence: 0 } })
  } catch (error) {
    await jsm.streams.purge(`OBJ_${bucket}`, { filter: chunkSubject }).catch(() => undefined)
    throw error
  }
}
