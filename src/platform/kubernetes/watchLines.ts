import type { WatchLine } from "./KubeTransport.ts"

/** Of etcd's largest object (1.5 MiB) written as JSON, and some. */
export const watchLineMaxBytes = 2 * 1024 * 1024

const newline = 0x0a

/**
 * Bytes of a watch, cut into lines. Keeps at most `maxBytes`; of a longer line only the length is left. What follows the
 * last line end is not a line: a connection that broke in the middle of an event must not look like one.
 */
export class WatchLines {
  readonly #maxBytes: number
  #parts: Array<Uint8Array> = []
  #bytes = 0

  constructor(maxBytes: number = watchLineMaxBytes) {
    this.#maxBytes = maxBytes
  }

  push(chunk: Uint8Array): ReadonlyArray<WatchLine> {
    const lines: Array<WatchLine> = []
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#keep(chunk.subarray(start, end))
      if (this.#bytes > 0) lines.push(this.#take())
      start = end + 1
    }
    this.#keep(chunk.subarray(start))
    return lines
  }

  #keep(part: Uint8Array): void {
    this.#bytes += part.byteLength
    if (this.#bytes > this.#maxBytes) this.#parts = []
    else if (part.byteLength > 0) this.#parts.push(part)
  }

  #take(): WatchLine {
    const line = this.#bytes > this.#maxBytes
      ? { droppedBytes: this.#bytes }
      : { text: Buffer.concat(this.#parts).toString("utf8") }
    this.#parts = []
    this.#bytes = 0
    return line
  }
}
