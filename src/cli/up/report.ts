import { relative } from "node:path"

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
