/**
 * Just enough of the ONNX protobuf to write the two tiny graphs of this repository, so that neither needs Python:
 * `node src/gpu-agent/onnx/writeTinyGraphs.ts` writes them, and a test fails when the committed files differ.
 */

/** Values of `TensorProto.DataType`. */
export const elementTypes = { float: 1, uint8: 2 } as const

export interface TensorType {
  readonly name: string
  readonly element: keyof typeof elementTypes
  /** A text is a dimension known only at run time. */
  readonly shape: ReadonlyArray<number | string>
}

export interface Graph {
  readonly name: string
  readonly nodes: ReadonlyArray<{
    readonly op: string
    readonly inputs: ReadonlyArray<string>
    readonly outputs: ReadonlyArray<string>
  }>
  readonly inputs: ReadonlyArray<TensorType>
  readonly outputs: ReadonlyArray<TensorType>
}

const irVersion = 9
const opset = 18

const varint = (value: number): Array<number> => (value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))])
const int = (field: number, value: number): Array<number> => [...varint(field * 8), ...varint(value)]
const bytes = (field: number, content: ReadonlyArray<number>): Array<number> => [
  ...varint(field * 8 + 2),
  ...varint(content.length),
  ...content
]
const text = (field: number, value: string) => bytes(field, [...new TextEncoder().encode(value)])

const dimension = (size: number | string) => bytes(1, typeof size === "number" ? int(1, size) : text(2, size))

const valueInfo = ({ element, name, shape }: TensorType) => [
  ...text(1, name),
  ...bytes(2, bytes(1, [...int(1, elementTypes[element]), ...bytes(2, shape.flatMap(dimension))]))
]

export const writeGraph = (graph: Graph): Uint8Array =>
  Uint8Array.from([
    ...int(1, irVersion),
    ...text(2, "darkroom"),
    ...bytes(7, [
      ...graph.nodes.flatMap(({ inputs, op, outputs }) =>
        bytes(1, [
          ...inputs.flatMap((name) => text(1, name)),
          ...outputs.flatMap((name) => text(2, name)),
          ...text(4, op)
        ])
      ),
      ...text(2, graph.name),
      ...graph.inputs.flatMap((input) => bytes(11, valueInfo(input))),
      ...graph.outputs.flatMap((output) => bytes(12, valueInfo(output)))
    ]),
    ...bytes(8, [...text(1, ""), ...int(2, opset)])
  ])
