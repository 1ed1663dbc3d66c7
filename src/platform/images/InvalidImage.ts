import { Schema } from "effect"

/** The bytes are no picture that Darkroom takes. `message` is a sentence for the person who sent them. */
export class InvalidImage extends Schema.TaggedError<InvalidImage>()("InvalidImage", {
  reason: Schema.Literals(["empty", "unsupported_format", "incomplete", "too_many_pixels", "undecodable"]),
  message: Schema.String
}) {}
