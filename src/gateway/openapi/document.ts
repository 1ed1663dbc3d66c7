import { Option, Schema } from "effect"
import { AcceptedResponse } from "../../contract/EditApi.ts"
import { Problem } from "../../contract/Problem.ts"
import { problemKinds } from "../problem.ts"
import { fieldDescriptions } from "./descriptions.ts"
import { type RouteDoc, routeDocs } from "./routes.ts"

/** The OpenAPI 3.1 document, made from the schemas that decode the requests. Pure. */

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

const asObject = (value: unknown) => value as JsonObject

const described = (name: string, property: JsonObject): JsonObject =>
  property["description"] === undefined && fieldDescriptions[name] !== undefined
    ? { ...property, description: fieldDescriptions[name] }
    : property

/** The JSON Schema of an object, each of its fields described. */
const jsonSchemaOf = (schema: Schema.Top): JsonObject => {
  const json = asObject(Schema.toJsonSchemaDocument(schema).schema)
  const properties = Object.entries(asObject(json["properties"])).map(([name, field]) => [name, described(name, asObject(field))])
  return { ...json, properties: Object.fromEntries(properties) as JsonObject }
}

/** A value that each required field takes, so that the decoded rest shows the defaults. */
const placeholders: Readonly<Record<string, string>> = { image: "x", image_base64: "x", prompt: "x" }

const defaultsOf = (schema: Schema.Top): Readonly<Record<string, unknown>> =>
  Option.match(Schema.decodeUnknownOption(schema as Schema.Codec<unknown, unknown>)(placeholders), {
    onNone: () => ({}),
    onSome: (value) => value as Record<string, unknown>
  })

/** Adds each optional field's default, which JSON Schema would otherwise not tell. */
const withDefaults = (schema: Schema.Top): JsonObject => {
  const json = jsonSchemaOf(schema)
  const required = (json["required"] as ReadonlyArray<string> | undefined) ?? []
  const defaults = defaultsOf(schema)
  const properties = Object.entries(asObject(json["properties"])).map(([name, property]) => {
    const value = defaults[name]
    return [name, required.includes(name) || value === undefined ? property : { ...asObject(property), default: value as Json }]
  })
  return { ...json, properties: Object.fromEntries(properties) as JsonObject }
}

const header = (name: string, description: string, schema: JsonObject = { type: "string" }): JsonObject => ({
  name, in: "header", required: false, description, schema
})

const submitHeaders: ReadonlyArray<JsonObject> = [
  header("Prefer", "`respond-async` answers 202 at once, `wait=N` after N seconds."),
  header("Idempotency-Key", "The same key within 24 hours gives the same job; 409 while it runs, 422 with another body."),
  header("X-Darkroom-Attach", "`no`: never join an identical submission that is not finished yet.", { type: "string", enum: ["no"] })
]

const parametersOf = (route: RouteDoc): ReadonlyArray<JsonObject> => {
  const path = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name!, in: "path", required: true, description: "Id of the job.", schema: { type: "string", format: "uuid" }
  }))
  const query = route.query === undefined ? [] : Object.entries(asObject(withDefaults(route.query)["properties"])).map(
    ([name, schema]) => ({ name, in: "query", required: false, schema: queryParameters[name] ?? schema })
  )
  const headers = route.submits === true
    ? submitHeaders
    : route.id === "events" ? [header("Last-Event-ID", "The id of the last event received.")] : []
  return [...path, ...query, ...headers]
}

/** Query parameters are text on the wire; these are the numbers that the text stands for. */
const queryParameters: Readonly<Record<string, JsonObject>> = {
  page: { type: "integer", minimum: 1, maximum: 1_000_000, default: 1, description: "Page, from 1." },
  limit: { type: "integer", minimum: 1, maximum: 100, default: 20, description: "Jobs a page." },
  replicas: { type: "integer", minimum: 0, maximum: 10_000, default: 1, description: "Replicas to keep running." },
  pool: { type: "string", minLength: 1, description: "Name of the pool; default: the one that serves /api/edit." }
}

const reference = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })

const requestBodyOf = ({ body }: RouteDoc): JsonObject => {
  if (body === undefined) return {}
  const content: Record<string, JsonObject> = { "application/json": { schema: reference(body.name) } }
  if (body.imageField !== undefined) {
    const json = withDefaults(body.schema)
    const properties = asObject(json["properties"])
    const file: JsonObject = { description: "A JPEG, PNG or WebP file of at most 10 MiB." }
    const files = Object.fromEntries(Object.entries(properties).flatMap(([name, property]): ReadonlyArray<[string, JsonObject]> => {
      if (name === body.imageField) return [[name, file]]
      return name === "images" ? [[name, { ...asObject(property), items: file }]] : []
    }))
    content["multipart/form-data"] = { schema: { ...json, properties: { ...properties, ...files } } }
  }
  return { requestBody: { required: true, content } }
}

const seedHeaders: JsonObject = {
  "X-Job-Id": { description: "Id of the job.", schema: { type: "string", format: "uuid" } },
  "X-Seed": { description: "The seed that was used.", schema: { type: "integer" } },
  "X-Darkroom-Warning": { description: "One for each warning of the job.", schema: { type: "string" } }
}

const successOf = ({ body, response, submits }: RouteDoc): JsonObject => {
  if ("mediaType" in response) {
    const schema: JsonObject = response.mediaType === "application/json" ? { type: "object" } : { type: "string" }
    return { description: response.description, content: { [response.mediaType]: { schema } } }
  }
  const image: JsonObject = submits === true && body?.name !== "TextRequest" && body?.name !== "FramesRequest"
    ? { "image/png": { schema: { description: "With `Accept: image/png`: the picture itself." } } }
    : {}
  return {
    description: "Success.",
    ...(submits === true ? { headers: seedHeaders } : {}),
    content: { "application/json": { schema: reference(response.name) }, ...image }
  }
}

const titleOf = (status: number): string =>
  Object.values(problemKinds).filter((kind) => kind.status === status).map((kind) => kind.title).join("; or: ")

const responsesOf = (route: RouteDoc): JsonObject => ({
  "200": successOf(route),
  ...(route.submits === true
    ? { "202": { description: "Recorded; not finished yet.", content: { "application/json": { schema: reference("AcceptedResponse") } } } }
    : {}),
  ...(route.id === "events" ? { "204": { description: "Nothing more will come." } } : {}),
  ...Object.fromEntries(route.errors.map((status) => [String(status), {
    description: `${titleOf(status)}.`,
    content: { "application/problem+json": { schema: reference("Problem") } }
  }]))
})

const operationOf = (route: RouteDoc): JsonObject => ({
  operationId: route.id,
  tags: [route.tag],
  summary: route.summary,
  ...(route.description === undefined ? {} : { description: route.description }),
  security: route.scope === undefined ? [] : [{ ApiKey: [] }, { Bearer: [] }],
  ...(route.scope === undefined ? {} : { "x-scope": route.scope }),
  parameters: parametersOf(route),
  ...requestBodyOf(route),
  responses: responsesOf(route)
})

const componentSchemas = (): JsonObject => {
  const schemas: Record<string, JsonObject> = {
    AcceptedResponse: jsonSchemaOf(AcceptedResponse),
    Problem: jsonSchemaOf(Problem)
  }
  for (const { body, response } of routeDocs) {
    if (body !== undefined) schemas[body.name] = withDefaults(body.schema)
    if ("schema" in response) schemas[response.name] = jsonSchemaOf(response.schema)
  }
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const pathsOf = (): JsonObject => {
  const paths: Record<string, Record<string, JsonObject>> = {}
  for (const route of routeDocs) paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) }
  return paths
}

export const openApiDocument = (): JsonObject => ({
  openapi: "3.1.0",
  info: {
    title: "Darkroom",
    version: "1.0.0",
    description: "A photo and a sentence in, the edited photo out. Errors are problem+json (RFC 9457).",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" }
  },
  servers: [{ url: "/", description: "This gateway" }],
  tags: [
    { name: "Edit", description: "Edit a photo." },
    { name: "Jobs", description: "Follow and control jobs." },
    { name: "Pool", description: "The GPUs." },
    { name: "Models", description: "The models API; without a key on the models port of the same machine." },
    { name: "Service", description: "Health and documentation." }
  ],
  paths: pathsOf(),
  components: {
    schemas: componentSchemas(),
    securitySchemes: {
      ApiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
      Bearer: { type: "http", scheme: "bearer" }
    }
  }
})
