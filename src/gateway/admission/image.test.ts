import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { imageMaxBytes } from "../../contract/limits.ts"
import { decodeImageText } from "./image.ts"

const bytes = Buffer.from("any bytes of a picture, 29 long")
const base64 = bytes.toString("base64")

const decoded = (text: string): string =>
  Result.match(decodeImageText("image", Buffer.from(text)), {
    onSuccess: (image) => Buffer.from(image).toString(),
    onFailure: (problem) => String(problem.status)
  })

describe("decodeImageText", () => {
  it("takes base64 with or without padding, with line breaks, in the URL alphabet, and as a data: URL", () => {
    const forms = [
      base64, base64.replaceAll("=", ""), base64.replace(/(.{10})/g, "$1\r\n"), bytes.toString("base64url"),
      `data:image/png;base64,${base64}`, `data:;base64,${base64}`, `data:image/png;charset=x;BASE64,${base64}`
    ]
    for (const form of forms) assert.strictEqual(decoded(form), bytes.toString(), form)
  })
  it("refuses what is not base64, naming the field", () => {
    for (const text of ["not base64!", "a", `${base64}*`, "data:image/png,raw", "data:image/png;base64", "   ", "data:;base64,"]) {
      assert.strictEqual(decoded(text), "400", text)
    }
    assert.deepInclude(Result.getOrThrow(Result.flip(decodeImageText("image", Buffer.from("*")))).errors[0], { field: "image" })
  })
  it("takes 10 MiB and not a byte more", () => {
    assert.isTrue(Result.isSuccess(decodeImageText("image", Buffer.from(Buffer.alloc(imageMaxBytes).toString("base64")))))
    assert.strictEqual(decoded(Buffer.alloc(imageMaxBytes + 1).toString("base64")), "413")
  })
})
