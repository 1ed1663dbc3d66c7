/**
 * A copy of an ONNX model with every large float tensor of its graph set to zero: what is left is the code around the
 * weights. Reads just enough of the protobuf format (onnx.proto: ModelProto.graph = 7, GraphProto.initializer = 5,
 * TensorProto.raw_data = 9).
 */

const smallestWeightBytes = 1024

interface Field {
  readonly number: number
  readonly start: number
  readonly end: number
}

const varint = (bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } => {
  let value = 0
  let factor = 1
  for (let next = at; next < bytes.length; next++) {
    const byte = bytes[next] ?? 0
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return { value, next: next + 1 }
    factor *= 128
  }
  throw new Error("the model ends in the middle of a number")
}

/** The fields with a length between two offsets; the others are skipped. */
function* fields(bytes: Uint8Array, from: number, to: number): Generator<Field> {
  let at = from
  while (at < to) {
    const tag = varint(bytes, at)
    const wire = tag.value & 7
    if (wire === 0) at = varint(bytes, tag.next).next
    else if (wire === 1) at = tag.next + 8
    else if (wire === 5) at = tag.next + 4
    else {
      const length = varint(bytes, tag.next)
      yield { number: Math.floor(tag.value / 8), start: length.next, end: length.next + length.value }
      at = length.next + length.value
    }
  }
}

export const withZeroWeights = (model: Uint8Array): { readonly model: Uint8Array; readonly zeroedBytes: number } => {
  const copy = Uint8Array.from(model)
  let zeroedBytes = 0
  for (const graph of fields(copy, 0, copy.length)) {
    if (graph.number !== 7) continue
    for (const tensor of fields(copy, graph.start, graph.end)) {
      if (tensor.number !== 5) continue
      for (const data of fields(copy, tensor.start, tensor.end)) {
        if (data.number !== 9 || data.end - data.start < smallestWeightBytes) continue
        copy.fill(0, data.start, data.end)
        zeroedBytes += data.end - data.start
      }
    }
  }
  return { model: copy, zeroedBytes }
}
