import { closeSync, fstatSync, openSync, readSync } from "node:fs"

/** The bytes are no protobuf message, or a hostile one. */
export class ProtobufError extends Error {}

/** Where a field's content lies: bytes `start` to `end` of the file, or the number itself. */
export interface Field {
  readonly number: number
  readonly start: number
  readonly end: number
  /** Of a varint field; NaN for others. */
  readonly value: number
}

const windowBytes = 64 * 1024
/** The largest graphs have some 100,000; a file of nothing but tiny fields must not keep anybody busy. */
const fieldsMax = 20_000_000
const textMaxBytes = 64 * 1024

/** Walks protobuf messages in a file of any size without reading what it skips. */
export class ProtobufFile implements Disposable {
  readonly size: number
  readonly #fd: number
  readonly #window = Buffer.alloc(windowBytes)
  #windowStart = 0
  #windowLength = 0
  #fields = 0

  constructor(path: string) {
    this.#fd = openSync(path, "r")
    this.size = fstatSync(this.#fd).size
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }

  #byteAt(offset: number): number {
    if (offset < this.#windowStart || offset >= this.#windowStart + this.#windowLength) {
      this.#windowStart = offset
      this.#windowLength = readSync(this.#fd, this.#window, 0, windowBytes, offset)
      if (this.#windowLength === 0) throw new ProtobufError(`the file ends at byte ${offset}`)
    }
    return this.#window[offset - this.#windowStart]!
  }

  /** Value and the offset behind it. 64-bit values lose their low bits: only small ones matter here. */
  #varint(offset: number, end: number): readonly [value: number, next: number] {
    let value = 0
    for (let index = 0; index < 10; index++) {
      if (offset + index >= end) throw new ProtobufError(`a number at byte ${offset} is cut off`)
      const byte = this.#byteAt(offset + index)
      value += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) return [value, offset + index + 1]
    }
    throw new ProtobufError(`a number at byte ${offset} has no end`)
  }

  #content(wireType: number, offset: number, end: number): Omit<Field, "number"> {
    if (wireType === 0) {
      const [value, next] = this.#varint(offset, end)
      return { start: offset, end: next, value }
    }
    const [length, start] = wireType === 2 ? this.#varint(offset, end) : [wireType === 1 ? 8 : wireType === 5 ? 4 : Number.NaN, offset]
    if (Number.isNaN(length)) throw new ProtobufError(`byte ${offset} has the wire type ${wireType}`)
    if (start + length > end) throw new ProtobufError(`a field at byte ${offset} is longer than what it is part of`)
    return { start, end: start + length, value: Number.NaN }
  }

  /** The fields of the message between two offsets; without them, of the file. */
  *fields(start = 0, end = this.size): Generator<Field, void, undefined> {
    let offset = start
    while (offset < end) {
      if (++this.#fields > fieldsMax) throw new ProtobufError(`it has more than ${fieldsMax} fields`)
      const [tag, next] = this.#varint(offset, end)
      const field = { number: Math.floor(tag / 8), ...this.#content(tag % 8, next, end) }
      yield field
      offset = field.end
    }
  }

  text({ end, start }: Field): string {
    if (end - start > textMaxBytes) throw new ProtobufError(`a name at byte ${start} has ${end - start} bytes`)
    const bytes = Buffer.alloc(end - start)
    if (readSync(this.#fd, bytes, 0, bytes.length, start) !== bytes.length) throw new ProtobufError(`the file ends in a name at byte ${start}`)
    return bytes.toString("utf8")
  }
}
