import { type Session, Tensor } from "./session.ts"

/** Numbers in and out of graphs: pipelines count in float32, whatever precision a graph declares at its edges. */

const float16Of = (values: Float32Array): Tensor => new Tensor("float16", new Uint16Array(Float16Array.from(values).buffer), [values.length])

/** A tensor of the element type that this graph declares for this input: float32 or float16. */
export const floatInput = (session: Session, name: string, values: Float32Array, dims: ReadonlyArray<number>): Tensor =>
  session.inputType(name) === "float16" ? float16Of(values).reshape(dims) : new Tensor("float32", values, dims)

export const int64Input = (values: ReadonlyArray<number>, dims: ReadonlyArray<number>): Tensor =>
  new Tensor("int64", BigInt64Array.from(values, BigInt), dims)

/** The values of a float output as float32. */
export const floatsOf = (tensor: Tensor): Float32Array => {
  if (tensor.type === "float32") return tensor.data as Float32Array
  const bits = tensor.data as Uint16Array
  return Float32Array.from(new Float16Array(bits.buffer, bits.byteOffset, bits.length))
}
