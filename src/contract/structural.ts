import { Result, Schema } from "effect"

/** From an Effect Schema to what the Kubernetes API server takes as the schema of a custom resource. Pure. */

/** A rule in the Common Expression Language; `message` is what a person reads who broke it. */
export interface CelRule {
  readonly rule: string
  readonly message: string
}

/** The part of OpenAPI v3 that is "structural": every value has one type, and checks stand beside it. */
export interface StructuralSchema {
  readonly type: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: ReadonlyArray<unknown>
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly properties?: Readonly<Record<string, StructuralSchema>>
  readonly required?: ReadonlyArray<string>
  readonly items?: StructuralSchema
  readonly additionalProperties?: StructuralSchema
  readonly "x-kubernetes-preserve-unknown-fields"?: true
  readonly "x-kubernetes-list-type"?: "map"
  readonly "x-kubernetes-list-map-keys"?: ReadonlyArray<string>
  readonly "x-kubernetes-validations"?: ReadonlyArray<CelRule>
}

/** What is said of single places, by dotted path (`spec.modelCache`, `status.conditions.[]`); it is laid over the rest. */
export type Overlay = Readonly<Record<string, Partial<StructuralSchema>>>

interface JsonSchema extends Omit<StructuralSchema, "properties" | "items" | "additionalProperties"> {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly additionalProperties?: boolean | JsonSchema
  readonly pattern?: string
  readonly allOf?: ReadonlyArray<JsonSchema>
}

/** As much of a Schema as is looked at here. */
interface AnySchema {
  readonly ast: { readonly checks?: ReadonlyArray<{ readonly annotations?: { readonly expected?: unknown } | undefined }> | undefined }
  readonly to?: AnySchema
  readonly schema?: AnySchema
  readonly fields?: Readonly<Record<string, AnySchema>>
  readonly value?: AnySchema
}

/** Behind defaults and optional keys. */
const plain = (schema: AnySchema): AnySchema => {
  const inner = schema.to ?? schema.schema
  return inner === undefined ? schema : plain(inner)
}

/**
 * What a missing key decodes to; undefined when it has no default. Of an object all of it, though its fields have the
 * same defaults: the API server checks rules against a default before it fills in others.
 */
const defaultOf = (field: AnySchema): unknown => {
  const one = Schema.Struct({ field: field as unknown as Schema.Codec<unknown, unknown> })
  const decoded = Schema.decodeUnknownResult(one)({})
  if (Result.isFailure(decoded)) return undefined
  return (decoded.success as { readonly field?: unknown }).field
}

const joined = ({ allOf = [], ...schema }: JsonSchema): JsonSchema =>
  allOf.reduce<JsonSchema>((whole, part) => ({ ...whole, ...joined(part) }), schema)

const isSafeBound = (value: number | undefined): value is number => value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER

/** A pattern as a rule, because "should match '^(\d+…" tells people little. */
const patternRule = (pattern: string, schema: AnySchema): CelRule => {
  const expected = schema.ast.checks?.flatMap(({ annotations }) => (typeof annotations?.expected === "string" ? [annotations.expected] : []))
  return { rule: `self.matches(r'${pattern}')`, message: `must be ${expected?.at(-1) ?? `text that matches ${pattern}`}` }
}

const scalar = (json: JsonSchema, schema: AnySchema): StructuralSchema => {
  const { enum: values, maxLength, maximum, minLength, minimum, pattern } = json
  return {
    type: json.type,
    ...(values === undefined ? {} : { enum: values }),
    ...(isSafeBound(minimum) ? { minimum } : {}),
    ...(isSafeBound(maximum) ? { maximum } : {}),
    ...(minLength === undefined ? {} : { minLength }),
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(pattern === undefined ? {} : { "x-kubernetes-validations": [patternRule(pattern, schema)] })
  }
}

const withoutUndefined = (schema: StructuralSchema): StructuralSchema =>
  Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined)) as unknown as StructuralSchema

const object = (json: JsonSchema, schema: AnySchema, path: string, overlay: Overlay): StructuralSchema => {
  const fields = schema.fields
  if (fields === undefined) {
    return typeof json.additionalProperties === "object"
      ? { type: "object", additionalProperties: convert(json.additionalProperties, schema, `${path}.*`, overlay) }
      : { type: "object", "x-kubernetes-preserve-unknown-fields": true }
  }
  const properties = Object.entries(fields).map(([name, field]) => {
    const converted = convert(json.properties![name]!, plain(field), path === "" ? name : `${path}.${name}`, overlay)
    const value = defaultOf(field)
    return [name, value === undefined ? converted : { ...converted, default: value }] as const
  })
  const required = json.required ?? []
  return { type: "object", properties: Object.fromEntries(properties), ...(required.length > 0 ? { required } : {}) }
}

const convert = (source: JsonSchema, schema: AnySchema, path: string, overlay: Overlay): StructuralSchema => {
  const json = joined(source)
  const shape = json.type === "object"
    ? object(json, schema, path, overlay)
    : json.type === "array"
    ? {
      type: "array",
      ...(json.minItems === undefined ? {} : { minItems: json.minItems }),
      items: convert(json.items!, plain(schema.value!), `${path}.[]`, overlay)
    }
    : scalar(json, schema)
  const described = json.description === undefined ? shape : { description: json.description, ...shape }
  const said = overlay[path]
  if (said === undefined) return described
  const rules = [...(described["x-kubernetes-validations"] ?? []), ...(said["x-kubernetes-validations"] ?? [])]
  return withoutUndefined({ ...described, ...said, ...(rules.length > 0 ? { "x-kubernetes-validations": rules } : {}) } as StructuralSchema)
}

/**
 * A struct's encoded side with its types, bounds, required keys and descriptions; the defaults of missing keys; patterns
 * as rules with readable messages; records of anything as objects that keep unknown fields.
 */
export const structuralSchema = (schema: Schema.Constraint, path: string, overlay: Overlay): StructuralSchema => {
  const { definitions, schema: json } = Schema.toJsonSchemaDocument(schema)
  if (Object.keys(definitions).length > 0) throw new Error(`${path}: a structural schema cannot hold references`)
  return convert(json as unknown as JsonSchema, plain(schema as unknown as AnySchema), path, overlay)
}
