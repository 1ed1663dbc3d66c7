/**
 * JSON of an object whose one field is megabytes of base64, without looking for characters to escape in them. The field
 * must be in `value` as "". Pure.
 */
export const jsonWithBase64 = (value: object, field: string, base64: string): string => {
  const json = JSON.stringify(value)
  // Inside a string the quotes would be escaped, so this is the field itself.
  const empty = `${JSON.stringify(field)}:""`
  const at = json.indexOf(empty) + empty.length - 1
  return json.slice(0, at) + base64 + json.slice(at)
}
