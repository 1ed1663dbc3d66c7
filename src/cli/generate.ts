import { Schema } from "effect"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { GpuPool } from "../contract/GpuPool.ts"
import { JobEvent } from "../contract/JobEvent.ts"
import { ModelManifest } from "../contract/ModelManifest.ts"
import { openApiText } from "../gateway/openapi/write.ts"
import { checkout } from "./place.ts"

/** Writes the files that are made from schemas; `--check` only tells which are stale, and fails when one is. */

const jsonSchema = (title: string, schema: Schema.Constraint): string => {
  const document = Schema.toJsonSchemaDocument(schema)
  return `${
    JSON.stringify(
      {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        title,
        ...document.schema,
        ...(Object.keys(document.definitions).length === 0 ? {} : { $defs: document.definitions })
      },
      null,
      2
    )
  }\n`
}

const generated: Readonly<Record<string, () => string>> = {
  "docs/openapi.json": openApiText,
  "docs/schema/job-event.json": () => jsonSchema("Darkroom job event (CloudEvents 1.0)", JobEvent),
  "docs/schema/gpu-pool.json": () => jsonSchema("Darkroom GpuPool", GpuPool),
  "docs/schema/model-manifest.json": () => jsonSchema("Darkroom model manifest", ModelManifest)
}

const isCheck = process.argv.includes("--check")
let stale = 0
for (const [path, make] of Object.entries(generated)) {
  const at = join(checkout, path)
  const text = make()
  if (existsSync(at) && readFileSync(at, "utf8") === text) continue
  stale++
  process.stdout.write(`${relative(process.cwd(), at)} ${isCheck ? "is stale" : "written"}\n`)
  if (isCheck) continue
  mkdirSync(dirname(at), { recursive: true })
  writeFileSync(at, text)
}
if (isCheck && stale > 0) {
  process.stderr.write("generated files are stale: run scripts/generate and commit what it writes\n")
  process.exitCode = 1
}
