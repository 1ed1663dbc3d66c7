import { Schema } from "effect"

/** RFC 9457 problem+json. `detail` is also the field that the models API promises. */
export const Problem = Schema.Struct({
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  instance: Schema.optionalKey(Schema.String),
  request_id: Schema.optionalKey(Schema.String),
  job_id: Schema.optionalKey(Schema.String),
  error_class: Schema.optionalKey(Schema.String),
  errors: Schema.optionalKey(Schema.Array(Schema.Struct({ field: Schema.String, message: Schema.String })))
})
export type Problem = typeof Problem.Type
