import { relative } from "node:path"
import type { JobKind } from "../../contract/Job.ts"
import { knownModelFor } from "../../contract/modelCatalogue.ts"
import { type Defaults, jobKinds } from "./models.ts"

/** What `darkroom up` prints. Pure. */

export interface Addresses {
  readonly api: string
  readonly models: string
  readonly metrics: string | undefined
}

const shown = (path: string, from: string): string => {
  const short = relative(from, path)
  return short.startsWith("..") ? path : short
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Pastes into any shell, in any folder. */
export const curlLine = (api: string, key: string, photo: string, sentence: string): string =>
  [
    `curl -sS --fail-with-body ${api}/api/edit \\`,
    `  -H ${quoted(`X-API-Key: ${key}`)} -H 'Accept: image/png' \\`,
    `  -F image=@${quoted(photo)} -F ${quoted(`prompt=${sentence}`)} \\`,
    "  -o edited.png"
  ].join("\n")

export const editedReport = (before: string, after: string, from: string): string =>
  `  before  ${shown(before, from)}\n  after   ${shown(after, from)}`

/** How to install a model for a kind of job that none does. */
export const installLine = (kind: JobKind): string => `darkroom models add ${knownModelFor(kind)?.name ?? "NAME"}`

/** Which model each kind of job gets that names none. */
export const modelsReport = (defaults: Defaults, unlisted: { readonly names: ReadonlyArray<string>; readonly file: string }): string =>
  jobKinds.map((kind, i) =>
    `${i === 0 ? "\n  jobs     " : "           "}${kind.padEnd(16)}${defaults[kind] ?? `nothing yet: ${installLine(kind)}`}`
  ).join("\n") + (unlisted.names.length === 0 ? "" : `\n           installed, but in no list of ${unlisted.file}: ${unlisted.names.join(", ")}`)

export const servingReport = (addresses: Addresses, key: string, photo: string, sentence: string): string =>
  `
  API      ${addresses.api}        (documentation: ${addresses.api}/docs)
  models   ${addresses.models}        (this machine only, without a key)${
    addresses.metrics === undefined ? "" : `\n  metrics  ${addresses.metrics}/metrics`
  }
  key      ${key}

Edit a photo of yours:

${curlLine(addresses.api, key, photo, sentence)}
`
