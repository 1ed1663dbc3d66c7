import { type Field, ProtobufError, ProtobufFile } from "./protobuf.ts"

/** What a graph would make ONNX Runtime do besides arithmetic: files that it reads and operators that it looks up. */
export interface OnnxContents {
  /** `location` of every tensor that is kept outside the file, as written there. */
  readonly externalLocations: ReadonlySet<string>
  /** `domain::operator` of every node that the file does not define itself. The standard's own domain is "". */
  readonly operators: ReadonlySet<string>
}

/** Subgraphs in branches in loops: real models have three or four. */
const depthMax = 32

// Field numbers of onnx.proto3.
const model = { graph: 7, training: 20, function: 25 } as const
const graph = { node: 1, initializer: 5, sparseInitializer: 15 } as const
const node = { operator: 4, attribute: 5, domain: 7 } as const
const attribute = { tensor: 5, graph: 6, tensors: 10, graphs: 11, sparseTensor: 22, sparseTensors: 23 } as const
const tensor = { externalData: 13 } as const
const functionProto = { name: 1, node: 7, domain: 10, attribute: 11 } as const
const entry = { key: 1, value: 2 } as const

const standardDomain = (domain: string): string => (domain === "ai.onnx" ? "" : domain)
const nameOf = (domain: string, operator: string): string => `${standardDomain(domain)}::${operator}`

class Walk {
  readonly externalLocations = new Set<string>()
  readonly used = new Set<string>()
  readonly defined = new Set<string>()
  readonly #file: ProtobufFile

  constructor(file: ProtobufFile) {
    this.#file = file
  }

  model(): void {
    let graphs = 0
    for (const field of this.#file.fields()) {
      if (field.number === model.graph) {
        graphs++
        this.#graph(field, 0)
      }
      if (field.number === model.training) this.#training(field)
      if (field.number === model.function) this.#function(field)
    }
    if (graphs === 0) throw new ProtobufError("there is no graph in it")
  }

  #training(field: Field): void {
    // Its two graphs have the numbers 1 and 2.
    for (const part of this.#file.fields(field.start, field.end)) if (part.number <= 2) this.#graph(part, 0)
  }

  #function(field: Field): void {
    let [domain, name] = ["", ""]
    for (const part of this.#file.fields(field.start, field.end)) {
      if (part.number === functionProto.name) name = this.#file.text(part)
      if (part.number === functionProto.domain) domain = this.#file.text(part)
      if (part.number === functionProto.node) this.#node(part, 0)
      if (part.number === functionProto.attribute) this.#attribute(part, 0)
    }
    this.defined.add(nameOf(domain, name))
  }

  #graph(field: Field, depth: number): void {
    if (depth > depthMax) throw new ProtobufError(`its graphs are nested more than ${depthMax} deep`)
    for (const part of this.#file.fields(field.start, field.end)) {
      if (part.number === graph.node) this.#node(part, depth)
      if (part.number === graph.initializer) this.#tensor(part)
      if (part.number === graph.sparseInitializer) this.#sparseTensor(part)
    }
  }

  #node(field: Field, depth: number): void {
    let [domain, operator] = ["", ""]
    for (const part of this.#file.fields(field.start, field.end)) {
      if (part.number === node.operator) operator = this.#file.text(part)
      if (part.number === node.domain) domain = this.#file.text(part)
      if (part.number === node.attribute) this.#attribute(part, depth)
    }
    this.used.add(nameOf(domain, operator))
  }

  #attribute(field: Field, depth: number): void {
    for (const part of this.#file.fields(field.start, field.end)) {
      if (part.number === attribute.tensor || part.number === attribute.tensors) this.#tensor(part)
      if (part.number === attribute.graph || part.number === attribute.graphs) this.#graph(part, depth + 1)
      if (part.number === attribute.sparseTensor || part.number === attribute.sparseTensors) this.#sparseTensor(part)
    }
  }

  #sparseTensor(field: Field): void {
    // Values and indices have the numbers 1 and 2.
    for (const part of this.#file.fields(field.start, field.end)) if (part.number <= 2) this.#tensor(part)
  }

  #tensor(field: Field): void {
    for (const part of this.#file.fields(field.start, field.end)) {
      if (part.number !== tensor.externalData) continue
      let [key, value] = ["", ""]
      for (const half of this.#file.fields(part.start, part.end)) {
        if (half.number === entry.key) key = this.#file.text(half)
        if (half.number === entry.value) value = this.#file.text(half)
      }
      if (key === "location") this.externalLocations.add(value)
    }
  }
}

/** Reads an ONNX file's structure without its tensors: milliseconds, whatever its size. Throws what is wrong with it. */
export const readOnnxFile = (path: string): OnnxContents => {
  using file = new ProtobufFile(path)
  const walk = new Walk(file)
  walk.model()
  return {
    externalLocations: walk.externalLocations,
    operators: new Set([...walk.used].filter((name) => !walk.defined.has(name)))
  }
}
