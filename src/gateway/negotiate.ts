/** What a client prefers, from its headers. Pure. */

export interface Preference {
  readonly respondAsync: boolean
  readonly waitMs: number | undefined
}

/** `Prefer: respond-async`, `Prefer: wait=10`; what is not understood is ignored, as RFC 7240 says. */
export const parsePrefer = (header: string | undefined): Preference => {
  let respondAsync = false
  let waitMs: number | undefined
  for (const part of (header ?? "").split(",")) {
    const [name, value] = part.split(";")[0]!.split("=").map((text) => text.trim().toLowerCase())
    if (name === "respond-async") respondAsync = true
    const seconds = (value ?? "").replaceAll("\"", "")
    if (name === "wait" && /^\d{1,6}$/.test(seconds)) waitMs = Number(seconds) * 1000
  }
  return { respondAsync, waitMs }
}

const qualityOf = (range: string): number => {
  const q = /;\s*q=([0-9.]+)/i.exec(range)?.[1]
  return q === undefined ? 1 : Number(q)
}

/** True when the picture's bytes are wanted rather than JSON: an image type is named, and JSON is not preferred to it. */
export const prefersImage = (accept: string | undefined): boolean => {
  let image = 0
  let json = 0
  for (const range of (accept ?? "").split(",")) {
    const type = range.split(";")[0]!.trim().toLowerCase()
    if (type === "image/png" || type === "image/*") image = Math.max(image, qualityOf(range))
    if (type === "application/json" || type === "application/*") json = Math.max(json, qualityOf(range))
  }
  return image > 0 && image >= json
}

/** A structured-field string or the bare text; `undefined` when it is neither absent nor usable. */
export const parseIdempotencyKey = (header: string): string | undefined => {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header.trim())
  const key = quoted === null ? header.trim() : quoted[1]!.replace(/\\(["\\])/g, "$1")
  return /^[\x20-\x7e]{1,255}$/.test(key) ? key : undefined
}
