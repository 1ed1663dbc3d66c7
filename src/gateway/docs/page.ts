import { type Json, type JsonObject, openApiDocument } from "../openapi/document.ts"
import { routeDocs } from "../openapi/routes.ts"
import { problemKinds } from "../problem.ts"
import { style } from "./style.ts"

/** `/docs`: the API document as one page of HTML, complete in itself, so that it reads the same without a network. Pure. */

const escape = (text: unknown): string =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;")

/** Escaped, with `code` in backticks. */
const prose = (text: unknown): string => escape(text).replace(/`([^`]+)`/g, "<code>$1</code>")

const object = (value: Json | undefined): JsonObject => (value ?? {}) as JsonObject
const list = (value: Json | undefined): ReadonlyArray<JsonObject> => (value ?? []) as ReadonlyArray<JsonObject>

const referenced = (document: JsonObject, schema: JsonObject): JsonObject => {
  const name = String(schema["$ref"] ?? "").split("/").at(-1)!
  return name === "" ? schema : object(object(object(document["components"])["schemas"])[name])
}

const typeOf = (schema: JsonObject): string => {
  if (schema["enum"] !== undefined) return (schema["enum"] as ReadonlyArray<Json>).map((value) => JSON.stringify(value)).join(" | ")
  if (schema["anyOf"] !== undefined) return list(schema["anyOf"]).map(typeOf).join(" | ")
  if (schema["type"] === "array") return `${typeOf(object(schema["items"]))}[]`
  return String(schema["type"] ?? "file")
}

const constraintsOf = (schema: JsonObject): string => {
  const one = (list(schema["anyOf"])[0] ?? schema) as JsonObject
  const parts: Array<string> = []
  const low = one["minimum"] ?? (one["exclusiveMinimum"] === undefined ? undefined : `over ${one["exclusiveMinimum"]}`)
  if (low !== undefined || one["maximum"] !== undefined) parts.push(`${low ?? ""} to ${one["maximum"] ?? ""}`)
  if (one["multipleOf"] !== undefined) parts.push(`a multiple of ${one["multipleOf"]}`)
  if (one["maxLength"] !== undefined) parts.push(`at most ${one["maxLength"]} characters`)
  return parts.join(", ")
}

const sentence = (text: string): string => (text === "" ? "" : `${text[0]!.toUpperCase()}${text.slice(1)}.`)

const row = (name: string, schema: JsonObject, required: boolean, description: unknown): string => {
  const notes = [description, sentence(constraintsOf(schema))].filter((note) => note !== undefined && note !== "").map(prose).join(" ")
  const fallback = required ? "<em>required</em>" : schema["default"] === undefined ? "" : `<code>${escape(JSON.stringify(schema["default"]))}</code>`
  return `<tr><th scope="row"><code>${escape(name)}</code></th><td class="type">${escape(typeOf(schema))}</td><td>${fallback}</td><td>${notes}</td></tr>`
}

const table = (caption: string, rows: ReadonlyArray<string>): string =>
  rows.length === 0 ? "" : `<div class="scroll"><table><caption>${caption}</caption><thead><tr><th>Name</th><th>Type</th><th>Default</th><th></th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`

const fieldsTable = (caption: string, document: JsonObject, schema: JsonObject): string => {
  const resolved = referenced(document, schema)
  const required = new Set((resolved["required"] ?? []) as ReadonlyArray<string>)
  return table(caption, Object.entries(object(resolved["properties"])).map(([name, field]) =>
    row(name, object(field), required.has(name), object(field)["description"])))
}

/** Fields of an answer: always there, so that nothing is said of defaults. */
const answerTable = (document: JsonObject, schema: JsonObject): string => {
  const rows = Object.entries(object(referenced(document, schema)["properties"])).map(([name, field]) =>
    `<tr><th scope="row"><code>${escape(name)}</code></th><td class="type">${escape(typeOf(object(field)))}</td><td>${prose(object(field)["description"] ?? "")}</td></tr>`)
  return `<div class="scroll"><table><caption>Answer</caption><thead><tr><th>Name</th><th>Type</th><th></th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`
}

const parameterTables = (operation: JsonObject): string =>
  (["path", "query", "header"] as const).map((place) => {
    const caption = { path: "In the path", query: "In the query", header: "Headers" }[place]
    const found = list(operation["parameters"]).filter((parameter) => parameter["in"] === place)
    return table(caption, found.map((parameter) => {
      const schema = object(parameter["schema"])
      return row(String(parameter["name"]), schema, parameter["required"] === true, parameter["description"] ?? schema["description"])
    }))
  }).join("")

const jsonContent = (holder: JsonObject): JsonObject | undefined => {
  const json = object(holder["content"])["application/json"]
  return json === undefined ? undefined : object(object(json)["schema"])
}

const responseRows = (operation: JsonObject): string =>
  Object.entries(object(operation["responses"])).map(([status, response]) =>
    `<li><span class="status s${status[0]}">${status}</span> ${prose(object(response)["description"])}</li>`
  ).join("")

const operationHtml = (document: JsonObject, route: (typeof routeDocs)[number]): string => {
  const operation = object(object(object(document["paths"])[route.path])[route.method])
  const body = jsonContent(object(operation["requestBody"]))
  const answer = jsonContent(object(object(operation["responses"])["200"]))
  const multipart = object(object(operation["requestBody"])["content"])["multipart/form-data"] !== undefined
  return `<section class="operation" id="${route.id}">
<h3><span class="method ${route.method}">${route.method.toUpperCase()}</span> <code>${escape(route.path)}</code> <span class="summary">${escape(route.summary)}</span></h3>
<p>${route.description === undefined ? "" : prose(route.description)} <span class="scope">${
    route.scope === undefined ? "No key." : `Scope <code>${route.scope}</code>.`
  }</span></p>
${parameterTables(operation)}
${body === undefined ? "" : fieldsTable(`Body: JSON${multipart ? ", or multipart/form-data with the image as a file" : ""}`, document, body)}
${answer === undefined ? "" : answerTable(document, answer)}
<details><summary>Status codes</summary><ul class="statuses">${responseRows(operation)}</ul></details>
</section>`
}

const example = `curl -X POST "$DARKROOM_URL/api/edit" \\
  -H "X-API-Key: $DARKROOM_API_KEY" -H "Accept: image/png" \\
  -F image=@photo.jpg -F prompt="make the orange suit blue" -o edited.png`

const problems = (): string =>
  Object.entries(problemKinds).map(([slug, { status, title }]) =>
    `<tr id="${slug}"><th scope="row"><code>${slug}</code></th><td><span class="status s${String(status)[0]}">${status}</span></td><td>${escape(title)}</td></tr>`
  ).join("")

export const docsPage = (): string => {
  const document = openApiDocument()
  const info = object(document["info"])
  const tags = list(document["tags"])
  const navigation = tags.map((tag) =>
    `<li><a href="#tag-${tag["name"]}">${tag["name"]}</a><ul>${
      routeDocs.filter((route) => route.tag === tag["name"]).map((route) =>
        `<li><a href="#${route.id}"><span class="method ${route.method}">${route.method.toUpperCase()}</span> ${escape(route.path)}</a></li>`
      ).join("")
    }</ul></li>`
  ).join("")
  const sections = tags.map((tag) =>
    `<h2 id="tag-${tag["name"]}">${tag["name"]}</h2><p>${prose(tag["description"])}</p>${
      routeDocs.filter((route) => route.tag === tag["name"]).map((route) => operationHtml(document, route)).join("")
    }`
  ).join("")
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info["title"]} API</title><style>${style}</style></head><body>
<nav aria-label="Routes"><a class="home" href="#top">${info["title"]} API</a><ul>${navigation}<li><a href="#problems">Errors</a></li></ul></nav>
<main id="top"><h1>${info["title"]} API</h1><p class="lead">${prose(info["description"])}</p>
<p>Every route that names a scope asks for a key: <code>X-API-Key: …</code> or <code>Authorization: Bearer …</code>.
The same as a document for programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<pre><code>${escape(example)}</code></pre>
${sections}
<h2 id="problems">Errors</h2><p>Every error is <code>application/problem+json</code>; <code>detail</code> says what to do, <code>errors</code> names each wrong field, <code>type</code> is one of these:</p>
<div class="scroll"><table><thead><tr><th>Type</th><th>Status</th><th></th></tr></thead><tbody>${problems()}</tbody></table></div>
</main></body></html>
`
}
