/**
 * Just enough of the ONNX protobuf to write the tiny graphs of this repository and of its tests, so that none needs Python:
 * `node src/gpu-agent/onnx/writeTinyGraphs.ts` writes them, and a test fails when the committed files differ.
 */

/** Values of `TensorProto.DataType`. */
export const elementTypes = { float: 1, uint8: 2, float16: 10 } as const

export interface TensorType {
  readonly name: string
  readonly element: keyof typeof elementTypes
  /** A text is a dimension known only at run time. */
  readonly shape: ReadonlyArray<number | string>
}

/** Four-byte floats that another file holds, from its start. */
export interface ExternalTensor {
  readonly name: string
  readonly shape: ReadonlyArray<number>
  readonly location: string
}

export interface GraphNode {
  readonly op: string
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  /** Of the operator; the standard's own when absent. */
  readonly domain?: string
  /** Graphs that the operator runs: branches and bodies, by the attribute's name. */
  readonly graphs?: Readonly<Record<string, Graph>>
  /** A constant, kept outside. */
  readonly value?: ExternalTensor
}

export interface Graph {
  readonly name: string
  readonly nodes: ReadonlyArray<GraphNode>
  readonly inputs: ReadonlyArray<TensorType>
  readonly outputs: ReadonlyArray<TensorType>
  readonly initializers?: ReadonlyArray<ExternalTensor>
}

/** An operator made of others. */
export interface GraphFunction {
  readonly domain: string
  readonly name: string
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  readonly nodes: ReadonlyArray<GraphNode>
}

const irVersion = 9
const opset = 18
// Values of AttributeProto.AttributeType and TensorProto.DataLocation.
const tensorAttribute = 4
const graphAttribute = 5
const externalLocation = 1

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

const externalTensor = ({ location, name, shape }: ExternalTensor) => [
  ...shape.flatMap((size) => int(1, size)),
  ...int(2, elementTypes.float),
  ...text(8, name),
  ...bytes(13, [...text(1, "location"), ...text(2, location)]),
  ...int(14, externalLocation)
]

const attribute = (name: string, content: ReadonlyArray<number>, type: number) => bytes(5, [...text(1, name), ...content, ...int(20, type)])

const graphNode = ({ domain, graphs, inputs, op, outputs, value }: GraphNode): Array<number> => [
  ...inputs.flatMap((name) => text(1, name)),
  ...outputs.flatMap((name) => text(2, name)),
  ...text(4, op),
  ...Object.entries(graphs ?? {}).flatMap(([name, body]) => attribute(name, bytes(6, graphProto(body)), graphAttribute)),
  ...(value === undefined ? [] : attribute("value", bytes(5, externalTensor(value)), tensorAttribute)),
  ...(domain === undefined ? [] : text(7, domain))
]

const graphProto = ({ initializers, inputs, name, nodes, outputs }: Graph): Array<number> => [
  ...nodes.flatMap((node) => bytes(1, graphNode(node))),
  ...text(2, name),
  ...(initializers ?? []).flatMap((tensor) => bytes(5, externalTensor(tensor))),
  ...inputs.flatMap((input) => bytes(11, valueInfo(input))),
  ...outputs.flatMap((output) => bytes(12, valueInfo(output)))
]

const opsetImport = (domain: string, version: number) => [...text(1, domain), ...int(2, version)]

const functionProto = ({ domain, inputs, name, nodes, outputs }: GraphFunction) => [
  ...text(1, name),
  ...inputs.flatMap((input) => text(4, input)),
  ...outputs.flatMap((output) => text(5, output)),
  ...nodes.flatMap((node) => bytes(7, graphNode(node))),
  ...bytes(9, opsetImport("", opset)),
  ...text(10, domain)
]

/** `domains`: further ones whose operators are used. */
export const writeGraph = (graph: Graph, functions: ReadonlyArray<GraphFunction> = [], domains: ReadonlyArray<string> = []): Uint8Array =>
  Uint8Array.from([
    ...int(1, irVersion),
    ...text(2, "darkroom"),
    ...bytes(7, graphProto(graph)),
    ...bytes(8, opsetImport("", opset)),
    ...domains.flatMap((domain) => bytes(8, opsetImport(domain, 1))),
    ...functions.flatMap((one) => bytes(25, functionProto(one)))
  ])
