import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { gpuPoolCrd } from "./crd.ts"
import { GpuPoolSpec, GpuPoolStatus } from "./GpuPool.ts"
import type { StructuralSchema } from "./structural.ts"

interface Json {
  readonly properties?: Record<string, Json>
  readonly items?: Json
}

/** Dotted paths of all fields, those of a list's items behind `[]`. */
const pathsOf = (schema: Json, at = ""): ReadonlyArray<string> => [
  ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [`${at}${name}`, ...pathsOf(field, `${at}${name}.`)]),
  ...(schema.items === undefined ? [] : pathsOf(schema.items, `${at}[].`))
]

const version = gpuPoolCrd().spec.versions[0]!
const root = version.schema.openAPIV3Schema
const { spec, status } = root.properties

const everywhere = (schema: StructuralSchema, path: string): ReadonlyArray<readonly [string, StructuralSchema]> => [
  [path, schema],
  ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => everywhere(field, `${path}.${name}`)),
  ...(schema.items === undefined ? [] : everywhere(schema.items, `${path}.[]`)),
  ...(schema.additionalProperties === undefined ? [] : everywhere(schema.additionalProperties, `${path}.*`))
]
const all = [...everywhere(spec, "spec"), ...everywhere(status, "status")]

/** What the API server does: a missing key takes its default, then the defaults inside of what is there. */
const withDefaults = (schema: StructuralSchema, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || schema.properties === undefined) return value
  const filled: Record<string, unknown> = { ...value }
  for (const [name, field] of Object.entries(schema.properties)) {
    if (!(name in filled) && field.default !== undefined) filled[name] = structuredClone(field.default)
    if (name in filled) filled[name] = withDefaults(field, filled[name])
  }
  return filled
}

const decode = Schema.decodeUnknownSync(GpuPoolSpec)

describe("the definition of GpuPool", () => {
  it("has every field of the schema, and no other", () => {
    const wanted = (schema: Schema.Constraint) => [...pathsOf(Schema.toJsonSchemaDocument(schema).schema as Json)].sort()
    assert.deepStrictEqual([...pathsOf(spec as Json)].sort(), wanted(GpuPoolSpec))
    assert.deepStrictEqual([...pathsOf(status as Json)].sort(), wanted(GpuPoolStatus))
  })

  it("fills in what the schema fills in", () => {
    const specs: ReadonlyArray<object> = [
      { models: ["starter"] },
      { models: ["starter"], replicas: 0, maxReplicas: 0 },
      { models: ["starter"], scaling: { cooldown: "0s" }, placement: { gpu: { count: 0 } } },
      { models: ["starter"], lifecycle: { maxPodFailures: 1 }, modelCache: { type: "PersistentVolumeClaim", claimName: "models" } },
      { models: ["starter"], scaling: { fallback: { afterFailures: 1, replicas: 0 } }, template: { spec: { priorityClassName: "high" } } }
    ]
    for (const given of specs) assert.deepStrictEqual(withDefaults(spec, given), decode(given))
  })

  it("is structural: each value has a type, and knows either its fields or that it takes any", () => {
    for (const [path, schema] of all) {
      assert.match(schema.type, /^(object|array|string|integer|boolean)$/, path)
      const kinds = [schema.properties, schema.additionalProperties, schema["x-kubernetes-preserve-unknown-fields"]]
      assert.strictEqual(kinds.filter((kind) => kind !== undefined).length, schema.type === "object" ? 1 : 0, path)
      assert.strictEqual(schema.items !== undefined, schema.type === "array", path)
    }
  })

  it("keeps unknown fields only in a pod's template and in tolerations", () => {
    const open = all.filter(([, schema]) => schema["x-kubernetes-preserve-unknown-fields"]).map(([path]) => path)
    assert.deepStrictEqual(open, ["spec.placement.tolerations.[]", "spec.template.spec"])
  })

  it("describes every field, for kubectl explain", () => {
    const silent = all.filter(([path, schema]) => schema.description === undefined && !/\.(\[\]|\*)$/.test(path)).map(([path]) => path)
    assert.deepStrictEqual(silent, [])
  })

  it("takes 0 wherever nothing is a sensible number", () => {
    const positive = all.filter(([, schema]) => (schema.minimum ?? 0) > 0).map(([path]) => path)
    assert.deepStrictEqual(positive, ["spec.scaling.jobsPerReplica", "spec.scaling.fallback.afterFailures", "spec.lifecycle.maxPodFailures"])
    const atMost0 = all.filter(([, schema]) => schema.maximum !== undefined && schema.maximum < 1)
    assert.deepStrictEqual(atMost0, [])
  })

  it("says in words what a duration, a digest and a name must be", () => {
    const messages = (path: string) =>
      all.find(([at]) => at === path)![1]["x-kubernetes-validations"]?.map(({ message }) => message)
    assert.deepStrictEqual(messages("spec.scaling.cooldown"), ["must be a duration such as 90s, 15m or 1h30m"])
    assert.deepStrictEqual(messages("spec.modelCache.reference"), ["must be an image reference that ends in @sha256:…"])
    assert.lengthOf(messages("spec.modelCache")!, 2)
    assert.lengthOf(messages("spec.scaling")!, 2)
    assert.deepStrictEqual(messages("spec"), ["replicas must not exceed maxReplicas"])
    assert.match(root["x-kubernetes-validations"][0]!.message, /DNS label of at most 53/)
  })

  it("lets an older or newer operator write the status it knows", () => {
    const required = everywhere(status, "status").filter(([, schema]) => schema.required !== undefined).map(([path]) => path)
    assert.deepStrictEqual(required, ["status.conditions.[]"])
    assert.deepStrictEqual(status.properties!["conditions"]!["x-kubernetes-list-map-keys"], ["type"])
  })

  it("scales by the floor, and shows what people look for", () => {
    assert.deepStrictEqual(version.subresources.scale, {
      specReplicasPath: ".spec.replicas",
      statusReplicasPath: ".status.replicas",
      labelSelectorPath: ".status.selector"
    })
    const shown = version.additionalPrinterColumns.filter(({ priority }) => priority === 0).map(({ name }) => name)
    assert.deepStrictEqual(shown, ["Desired", "Ready", "Busy", "Queue", "State", "Age"])
    const at = (jsonPath: string) => jsonPath.slice(1).replace(/^metadata\..*/, "spec")
    const known = new Set(all.map(([path]) => path))
    for (const { jsonPath } of version.additionalPrinterColumns) assert.isTrue(known.has(at(jsonPath)), jsonPath)
    for (const jsonPath of Object.values(version.subresources.scale)) assert.isTrue(known.has(at(jsonPath)), jsonPath)
  })
})
