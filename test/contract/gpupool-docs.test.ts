import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { gpuPoolCrd } from "../../src/contract/crd.ts"
import type { StructuralSchema } from "../../src/contract/structural.ts"
import { parsePools } from "../../src/platform/pools/document.ts"

/** docs/gpupool.md names every field of a GpuPool with the default that it has, and every sample. */

const repository = fileURLToPath(new URL("../..", import.meta.url))
const page = readFileSync(join(repository, "docs/gpupool.md"), "utf8")
const { spec, status } = gpuPoolCrd().spec.versions[0]!.schema.openAPIV3Schema.properties

/** Fields that hold no others, by path; what conditions are made of is Kubernetes' own. */
const leaves = (schema: StructuralSchema, at = ""): ReadonlyArray<readonly [string, StructuralSchema]> =>
  Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
    field.properties === undefined ? [[`${at}${name}`, field] as const] : leaves(field, `${at}${name}.`))

describe("docs/gpupool.md", () => {
  it.each([...leaves(spec), ...leaves(status)].map(([path, field]) => ({ path, field })))("has $path", ({ field, path }) => {
    assert.include(page, `\`${path}\``)
    if (field.default === undefined) return
    const row = page.split("\n").find((line) => line.startsWith(`| \`${path}\` |`))
    const shown = typeof field.default === "number" ? String(field.default) : `\`${field.default === "" ? "\"\"" : String(field.default)}\``
    assert.strictEqual(row?.split(" | ")[1], shown, `the default of ${path}`)
  })

  it("links every sample, and nothing that is not there", () => {
    const links = [...page.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, path]) => path!)
    for (const name of readdirSync(join(repository, "manifests/samples"))) assert.include(links, `manifests/samples/${name}`)
    for (const path of links) assert.isTrue(existsSync(join(repository, path)), path)
  })

  it("shows a pool that is one", () => {
    const [, yaml] = /```yaml\n([\s\S]*?)```/.exec(page)!
    assert.strictEqual(parsePools(yaml!)._tag, "Success")
  })
})
