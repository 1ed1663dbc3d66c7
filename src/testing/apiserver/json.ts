/** Objects as they travel: any JSON. */
export type Json = { readonly [key: string]: unknown }

export const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

export const objectAt = (value: unknown, name: string): Json => {
  const inner = isObject(value) ? value[name] : undefined
  return isObject(inner) ? inner : {}
}

export const textAt = (value: unknown, name: string): string => {
  const inner = isObject(value) ? value[name] : undefined
  return typeof inner === "string" ? inner : ""
}

/** Order of keys does not count. */
export const sameJson = (left: unknown, right: unknown): boolean => {
  if (left === right) return true
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((each, index) => sameJson(each, right[index]))
  }
  if (!isObject(left) || !isObject(right)) return false
  const keys = Object.keys(left)
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && sameJson(left[key], right[key]))
}

/** RFC 7386: null removes. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (!isObject(patch)) return patch
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = mergePatch(merged[key], value)
  }
  return merged
}
