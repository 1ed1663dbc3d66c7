import { type Json, objectAt } from "./json.ts"

/** `a=b,c!=d,e in (f,g),h notin (i),j,!k` */
export const matches = (selector: string, object: Json): boolean => {
  const labels = objectAt(objectAt(object, "metadata"), "labels")
  return (selector.match(/[^,(]+(\([^)]*\))?/g) ?? []).map((each) => each.trim()).filter((each) => each !== "").every((requirement) => {
    const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(requirement)
    if (set !== null) {
      const [, name = "", operator, list = ""] = set
      const isIn = list.split(",").map((value) => value.trim()).includes(String(labels[name] ?? ""))
      return operator === "in" ? name in labels && isIn : !isIn || !(name in labels)
    }
    const pair = /^([^!=]+)(!=|==?)(.*)$/.exec(requirement)
    if (pair !== null) {
      const [, name = "", operator, value = ""] = pair
      return operator === "!=" ? labels[name.trim()] !== value.trim() : labels[name.trim()] === value.trim()
    }
    return requirement.startsWith("!") ? !(requirement.slice(1) in labels) : requirement in labels
  })
}
