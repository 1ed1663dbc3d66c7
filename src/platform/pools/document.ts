import { Result, Schema, SchemaIssue } from "effect"
import { type Document, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from "yaml"
import { GpuPool } from "../../contract/GpuPool.ts"

/** Text of `pool.yaml` ⇄ pools: one YAML document a pool. Pure. */

export interface PoolProblem {
  readonly line: number
  /** Dotted path, such as `spec.maxReplicas`; "" for the document. */
  readonly field: string
  readonly message: string
}

export const describeProblem = (problem: PoolProblem): string =>
  `line ${problem.line}: ${problem.field === "" ? "" : `${problem.field}: `}${problem.message}`

type YamlDocument = Document.Parsed

const decodeStrictly = Schema.decodeUnknownResult(GpuPool, { errors: "all", onExcessProperty: "error" })
const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

const keyOf = (segment: PropertyKey | { readonly key: PropertyKey }): PropertyKey =>
  typeof segment === "object" ? segment.key : segment

/** The line of the node at a path, or of its nearest parent when the key is missing. */
const lineAt = (document: YamlDocument, lines: LineCounter, path: ReadonlyArray<PropertyKey>): number => {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return lines.linePos(document.contents?.range?.[0] ?? document.range[0]).line
}

/** Labels and annotations of a manifest copied from a cluster do no harm here; a misspelt field of `spec` would. */
const withKnownMetadata = (json: unknown): unknown => {
  if (typeof json !== "object" || json === null || !("metadata" in json)) return json
  const metadata = json.metadata
  if (typeof metadata !== "object" || metadata === null) return json
  const known = Object.entries(metadata).filter(([key]) => key === "name" || key === "namespace" || key === "generation")
  return { ...json, metadata: Object.fromEntries(known) }
}

const decodeDocument = (
  document: YamlDocument,
  lines: LineCounter
): Result.Result<GpuPool, ReadonlyArray<PoolProblem>> => {
  if (document.errors.length > 0) {
    return Result.fail(
      document.errors.map((error) => ({
        line: lines.linePos(error.pos[0]).line,
        field: "",
        message: error.message.split("\n")[0]!.replace(/ at line \d+, column \d+:?$/, "")
      }))
    )
  }
  return Result.mapError(decodeStrictly(withKnownMetadata(document.toJS())), (error) =>
    formatIssue(error.issue).issues.map((issue) => {
      const path = (issue.path ?? []).map(keyOf)
      return { line: lineAt(document, lines, path), field: path.map(String).join("."), message: issue.message }
    }))
}

const parse = (text: string): { readonly documents: ReadonlyArray<YamlDocument>; readonly lines: LineCounter } => {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines })
  // An empty file comes back as an empty result of another type.
  const documents = "empty" in parsed ? [] : parsed.filter((document) => document.contents !== null || document.errors.length > 0)
  return { documents, lines }
}

/** All pools of the text, or every problem in it. A text without any pool is a problem too. */
export const parsePools = (text: string): Result.Result<ReadonlyArray<GpuPool>, ReadonlyArray<PoolProblem>> => {
  const { documents, lines } = parse(text)
  if (documents.length === 0) return Result.fail([{ line: 1, field: "", message: "there is no pool in the file" }])
  const pools: Array<GpuPool> = []
  const problems: Array<PoolProblem> = []
  for (const document of documents) {
    const decoded = decodeDocument(document, lines)
    if (Result.isFailure(decoded)) {
      problems.push(...decoded.failure)
      continue
    }
    const { name } = decoded.success.metadata
    if (pools.some((pool) => pool.metadata.name === name)) {
      const line = lineAt(document, lines, ["metadata", "name"])
      problems.push({ line, field: "metadata.name", message: `there are two pools named "${name}"` })
    } else pools.push(decoded.success)
  }
  return problems.length > 0 ? Result.fail(problems) : Result.succeed(pools)
}

/** A number of `spec` written over in place, last one first so that offsets hold; `undefined` when a key is missing. */
const overwrite = (text: string, document: YamlDocument, values: Record<string, number>): string | undefined => {
  const edits = Object.entries(values).map(([key, value]) => ({ node: document.getIn(["spec", key], true), value }))
  let written = text
  const offset = (node: unknown) => (isScalar(node) && node.range ? node.range[0] : -1)
  for (const { node, value } of edits.sort((a, b) => offset(b.node) - offset(a.node))) {
    if (!isScalar(node) || !node.range) return undefined
    written = written.slice(0, node.range[0]) + String(value) + written.slice(node.range[1])
  }
  return written
}

/** The same text with another list of models in one pool; comments, order and all else stay. `undefined`: no such pool. */
export const withModels = (text: string, pool: string, models: ReadonlyArray<string>): string | undefined => {
  const { documents } = parse(text)
  const document = documents.find((document) => document.getIn(["metadata", "name"]) === pool)
  if (document === undefined) return undefined
  const list = document.getIn(["spec", "models"], true)
  if (isSeq(list) && list.flow === true && list.range) return `${text.slice(0, list.range[0])}[${models.join(", ")}]${text.slice(list.range[1])}`
  document.setIn(["spec", "models"], models)
  return documents.map((document) => document.toString({ lineWidth: 0, flowCollectionPadding: false })).join("")
}

/** The same text with other replica counts in one pool; comments, order and all else stay. `undefined`: no such pool. */
export const withReplicas = (
  text: string,
  pool: string,
  counts: { readonly replicas: number; readonly maxReplicas: number }
): string | undefined => {
  const { documents } = parse(text)
  const document = documents.find((document) => document.getIn(["metadata", "name"]) === pool)
  if (document === undefined) return undefined
  const written = overwrite(text, document, counts)
  if (written !== undefined) return written
  document.setIn(["spec", "replicas"], counts.replicas)
  document.setIn(["spec", "maxReplicas"], counts.maxReplicas)
  return documents.map((document) => document.toString({ lineWidth: 0, flowCollectionPadding: false })).join("")
}
