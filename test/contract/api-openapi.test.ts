import { createConfig, lintFromString } from "@redocly/openapi-core"
import { Context, Effect } from "effect"
import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { makeApp, makeModelsApp } from "../../src/gateway/app.ts"
import { docsPage } from "../../src/gateway/docs/page.ts"
import type { Services } from "../../src/gateway/http.ts"
import { Metrics } from "../../src/gateway/metrics/Metrics.ts"
import { openApiDocument } from "../../src/gateway/openapi/document.ts"
import { routeDocs } from "../../src/gateway/openapi/routes.ts"
import { openApiText } from "../../src/gateway/openapi/write.ts"

/** `/openapi.json` is valid, fresh, and says what the app really serves. */

const published = new URL("../../docs/openapi.json", import.meta.url)
const rootServices = Context.empty() as Context.Context<Services>
const run = Effect.runPromiseWith(rootServices)
const metrics = Effect.runSync(Effect.provide(Metrics, Metrics.layer))
const apps = { run, metrics, corsOrigins: [] }

describe("the OpenAPI document", () => {
  it("passes the linter", async () => {
    const config = await createConfig({ extends: ["recommended"], rules: { "operation-4xx-response": "off" } })
    const problems = await lintFromString({ source: openApiText(), config })
    assert.deepStrictEqual(problems.map(({ location, message }) => `${location[0]?.pointer}: ${message}`), [])
  })
  it("is published in docs/openapi.json as it is (node src/gateway/openapi/write.ts)", () => {
    assert.strictEqual(readFileSync(published, "utf8"), openApiText())
  })
  it("names every route of the app and no other", () => {
    const served = [...new Set(makeApp(apps).routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`))]
    const documented = routeDocs.map(({ method, path }) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`)
    assert.sameMembers(served, documented)
  })
  it("tells the defaults and ranges of both specs", () => {
    const { components } = openApiDocument() as any
    const { EditRequest, ImageEditRequest, ImageRequest, TextRequest, FramesRequest } = components.schemas
    const said = (schema: any, field: string) => {
      const { anyOf, default: fallback, maximum, minimum } = schema.properties[field]
      return [fallback, minimum ?? anyOf?.[0].minimum, maximum ?? anyOf?.[0].maximum]
    }
    assert.deepStrictEqual(said(EditRequest, "steps"), [6, 4, 20])
    assert.deepStrictEqual(said(EditRequest, "cfg"), [1, 1, 10])
    assert.deepStrictEqual(said(EditRequest, "seed"), [42, 0, 2 ** 32 - 1])
    assert.deepStrictEqual(EditRequest.required, ["image", "prompt"])
    assert.deepStrictEqual(said(ImageRequest, "num_inference_steps"), [30, 1, 50])
    assert.deepStrictEqual(said(ImageRequest, "width"), [1024, 256, 1536])
    assert.deepStrictEqual(said(ImageEditRequest, "num_inference_steps"), [20, 1, 50])
    assert.deepStrictEqual(said(FramesRequest, "num_frames"), [4, 1, 16])
    assert.deepStrictEqual(said(TextRequest, "max_tokens"), [256, 1, 4096])
    assert.deepStrictEqual(said(TextRequest, "temperature"), [0.7, 0, 2])
  })
})

describe("what needs no key", () => {
  const open = routeDocs.filter(({ scope }) => scope === undefined).map(({ path }) => path)
  it("is health, readiness and documentation", () => {
    assert.sameMembers(open, ["/health", "/livez", "/readyz", "/openapi.json", "/docs"])
  })
  it("the page and the document are served without anything else running", async () => {
    for (const app of [makeApp(apps), makeModelsApp({ ...apps, allowedHosts: [] })]) {
      for (const [path, type] of [["/docs", "text/html"], ["/openapi.json", "application/json"]] as const) {
        const response = await app.request(`http://localhost${path}`, { headers: { host: "localhost" } })
        assert.strictEqual(response.status, 200)
        assert.include(response.headers.get("content-type"), type)
      }
    }
  })
  it("every other route of the app asks for one", async () => {
    const app = makeApp(apps)
    for (const { method, path, scope } of routeDocs) {
      if (scope === undefined) continue
      assert.strictEqual((await app.request(path.replaceAll(/\{\w+\}/g, "x"), { method: method.toUpperCase() })).status, 401, path)
    }
  })
})

describe("the documentation page", () => {
  const page = docsPage()
  it("loads nothing from anywhere", () => {
    assert.notMatch(page, /<(script|link|img|iframe)\b/)
    assert.notMatch(page, /(src|href)="(https?:)?\/\//)
    assert.notMatch(page, /url\(/)
  })
  it("has a place for every route and every kind of error", () => {
    for (const { id } of routeDocs) assert.include(page, `id="${id}"`)
    const used = [...page.matchAll(/href="#([^"]+)"/g)].map(([, target]) => target)
    for (const target of used) assert.include(page, `id="${target}"`)
  })
})
