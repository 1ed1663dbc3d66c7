/**
 * Takes the picture out of a JSON body before it is parsed, so that it never becomes a string. Pure.
 */

/** Below this size parsing as usual is as cheap. */
const largeBytes = 32_768

const [quote, backslash, colon] = [0x22, 0x5c, 0x3a]
const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

const skipSpace = (json: Buffer, from: number): number => {
  let at = from
  while (isSpace(json[at])) at += 1
  return at
}

/** Start and end of the text of a large string under this name, where it is written first. */
const locate = (json: Buffer, name: string): readonly [number, number] | undefined => {
  const token = Buffer.from(`"${name}"`)
  for (let at = json.indexOf(token); at >= 0; at = json.indexOf(token, at + 1)) {
    const separator = skipSpace(json, at + token.length)
    if (json[separator] !== colon) continue
    const start = skipSpace(json, separator + 1) + 1
    if (json[start - 1] !== quote) continue
    const end = json.indexOf(quote, start)
    return end - start < largeBytes ? undefined : [start, end]
  }
  return undefined
}

export interface LargeField {
  /** The body with `marker` in place of the text. */
  readonly json: string
  readonly name: string
  readonly marker: string
  readonly text: Buffer
}

/**
 * The first field of these names with a large text in it. Whoever parses `json` checks that the marker is where the
 * field belongs: the name may have been written inside another object, or twice.
 */
export const takeLargeField = (json: Buffer, names: ReadonlyArray<string>, marker: string): LargeField | undefined => {
  for (const name of names) {
    const place = locate(json, name)
    if (place === undefined) continue
    const text = json.subarray(...place)
    if (text.includes(backslash)) return undefined
    return { name, marker, text, json: json.toString("utf8", 0, place[0]) + marker + json.toString("utf8", place[1]) }
  }
  return undefined
}
