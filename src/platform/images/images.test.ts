import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { crc32, deflateSync } from "node:zlib"
import sharp, { type Sharp } from "sharp"
import { imageMaxPixels } from "../../contract/limits.ts"
import { decode } from "./decode.ts"
import { encode } from "./encode.ts"
import { inspect } from "./inspect.ts"
import { digitalSourceType, type Provenance } from "./provenance.ts"
import type { MediaType } from "./signature.ts"

const mediaTypes = ["image/png", "image/jpeg", "image/webp"] as const
const formatOf = (mediaType: MediaType) => mediaType.slice("image/".length) as "png" | "jpeg" | "webp"

const colour = { r: 200, g: 40, b: 90 }
const canvas = (width: number, height: number, background: string | typeof colour = colour) =>
  sharp({ create: { width, height, channels: 3, background } })

const bytesOf = (image: Sharp) => Effect.promise((): Promise<Uint8Array> => image.toBuffer())

const pngChunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}

/** A valid greyscale PNG of `side`² black pixels in a few hundred kilobytes. */
const bomb = (side: number): Buffer => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header[8] = 8
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk("IHDR", header),
    pngChunk("IDAT", deflateSync(Buffer.alloc((side + 1) * side))),
    pngChunk("IEND", new Uint8Array())
  ])
}

const reasonOf = (bytes: Uint8Array) => Effect.map(Effect.flip(inspect(bytes)), (error) => error.reason)
const decodeReasonOf = (bytes: Uint8Array) => Effect.map(Effect.flip(decode(bytes)), (error) => error.reason)

describe("inspect", () => {
  it.effect.each(mediaTypes)("reads type and size of %s", (mediaType) =>
    Effect.gen(function*() {
      const bytes = yield* bytesOf(canvas(31, 17).toFormat(formatOf(mediaType)))
      assert.deepStrictEqual(yield* inspect(bytes), { mediaType, width: 31, height: 17 })
    }))

  it.effect("gives the size of the upright picture", () =>
    Effect.gen(function*() {
      const bytes = yield* bytesOf(canvas(31, 17).withMetadata({ orientation: 6 }).jpeg())
      assert.deepStrictEqual(yield* inspect(bytes), { mediaType: "image/jpeg", width: 17, height: 31 })
    }))

  it.effect.each(["gif", "tiff", "avif"] as const)("refuses %s by its signature", (format) =>
    Effect.gen(function*() {
      // This process has the hardened sharp: writing these formats is allowed, reading them is not.
      assert.strictEqual(yield* reasonOf(yield* bytesOf(canvas(8, 8).toFormat(format))), "unsupported_format")
    }))

  it.effect.each(mediaTypes)("finds that the end of a %s is missing", (mediaType) =>
    Effect.gen(function*() {
      const bytes = yield* bytesOf(canvas(200, 100).toFormat(formatOf(mediaType)))
      assert.strictEqual(yield* reasonOf(bytes.subarray(0, bytes.length - 20)), "incomplete")
    }))

  it.effect("is not misled by the end marker of an embedded thumbnail", () =>
    Effect.gen(function*() {
      const bytes = Buffer.from(yield* bytesOf(canvas(200, 100).jpeg()))
      const thumbnail = Buffer.from([0xff, 0xe1, 0x00, 0x06, 0xff, 0xd8, 0xff, 0xd9])
      const withThumbnail = Buffer.concat([bytes.subarray(0, 2), thumbnail, bytes.subarray(2)])
      assert.strictEqual((yield* inspect(withThumbnail)).width, 200)
      assert.strictEqual(yield* reasonOf(withThumbnail.subarray(0, withThumbnail.length - 20)), "incomplete")
    }))

  it.effect("refuses empty, tiny and garbled files", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* reasonOf(new Uint8Array()), "empty")
      assert.strictEqual(yield* reasonOf(new Uint8Array([0xff])), "unsupported_format")
      assert.strictEqual(yield* reasonOf(new Uint8Array([0xff, 0xd8, 0xff])), "incomplete")
      assert.strictEqual(yield* reasonOf(Buffer.from("RIFF....WEBP", "latin1")), "incomplete")
      const png = Buffer.from(yield* bytesOf(canvas(9, 9).png()))
      assert.strictEqual(yield* reasonOf(png.fill(7, 12, 30)), "undecodable")
    }))

  it.effect("refuses a bomb without decoding it", () =>
    Effect.gen(function*() {
      const bytes = bomb(16_000)
      assert.isBelow(bytes.length, 1024 * 1024)
      const before = process.memoryUsage.rss()
      const error = yield* Effect.flip(inspect(bytes))
      assert.strictEqual(error.reason, "too_many_pixels")
      assert.include(error.message, "25 megapixels")
      assert.isBelow(process.memoryUsage.rss() - before, 80 * 1024 * 1024)
      assert.strictEqual(yield* decodeReasonOf(bytes), "too_many_pixels")
    }))

  it.effect("takes the largest picture allowed and not one row more", () =>
    Effect.gen(function*() {
      const side = Math.sqrt(imageMaxPixels)
      assert.strictEqual((yield* inspect(bomb(side))).width, side)
      assert.strictEqual(yield* reasonOf(bomb(side + 1)), "too_many_pixels")
    }))
})

describe("decode", () => {
  const near = (actual: Uint8Array, expected: ReadonlyArray<number>, tolerance = 3) =>
    expected.forEach((value, i) => assert.closeTo(actual[i]!, value, tolerance))

  it.effect("turns the picture upright", () =>
    Effect.gen(function*() {
      const left = yield* bytesOf(canvas(10, 20, "#ff0000").png())
      const bytes = yield* bytesOf(
        canvas(20, 20, "#0000ff").composite([{ input: Buffer.from(left), left: 0, top: 0 }]).withMetadata({ orientation: 6 }).png()
      )
      const image = yield* decode(bytes)
      near(image.data, [255, 0, 0])
      near(image.data.subarray(19 * 3), [255, 0, 0])
      near(image.data.subarray(image.data.length - 3), [0, 0, 255])
    }))

  it.effect("gives RGB for greyscale, CMYK, 16 bits and a colour profile", () =>
    Effect.gen(function*() {
      const grey = yield* decode(yield* bytesOf(canvas(5, 4, "#808080").toColourspace("b-w").png()))
      assert.strictEqual(grey.data.length, 5 * 4 * 3)
      near(grey.data, [128, 128, 128])

      const cmyk = yield* decode(yield* bytesOf(canvas(16, 16).toColourspace("cmyk").jpeg({ quality: 100 })))
      assert.strictEqual(cmyk.data.length, 16 * 16 * 3)
      near(cmyk.data, [200, 40, 90], 40)

      const deep = yield* decode(yield* bytesOf(canvas(5, 4).toColourspace("rgb16").png()))
      assert.strictEqual(deep.data.length, 5 * 4 * 3)
      near(deep.data, [200, 40, 90])

      const wide = yield* decode(yield* bytesOf(canvas(5, 4).withIccProfile("p3").png()))
      near(wide.data, [200, 40, 90])
    }))

  it.effect("puts transparent pixels on white", () =>
    Effect.gen(function*() {
      const clear = sharp({ create: { width: 3, height: 2, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
      for (const mediaType of ["image/png", "image/webp"] as const) {
        const image = yield* decode(yield* bytesOf(clear.clone().toFormat(formatOf(mediaType))))
        assert.deepStrictEqual([...image.data], Array.from({ length: 18 }, () => 255))
      }
      const greyAlpha = yield* decode(yield* bytesOf(clear.clone().toColourspace("b-w").png()))
      assert.deepStrictEqual([...greyAlpha.data], Array.from({ length: 18 }, () => 255))
    }))

  it.effect("refuses a picture whose pixels are damaged", () =>
    Effect.gen(function*() {
      const bytes = Buffer.from(yield* bytesOf(canvas(64, 64).png()))
      const at = bytes.indexOf("IDAT", 0, "latin1")
      bytes.fill(0x5a, at + 8, at + 30)
      assert.strictEqual(yield* decodeReasonOf(bytes), "undecodable")
    }))

  it.effect("survives 3000 mutants: each is decoded or refused", () =>
    Effect.gen(function*() {
      // A linear congruential generator: the same mutants on every run.
      let state = 20261121
      const random = (below: number) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below
      for (const mediaType of mediaTypes) {
        const original = Buffer.from(yield* bytesOf(canvas(48, 32).toFormat(formatOf(mediaType))))
        for (let mutant = 0; mutant < 1000; mutant++) {
          const bytes = Buffer.from(original)
          for (let i = 0; i <= random(4); i++) bytes[random(bytes.length)] = random(256)
          const result = yield* Effect.result(decode(bytes))
          if (result._tag === "Success") assert.strictEqual(result.success.data.length, result.success.width * result.success.height * 3)
        }
      }
    }), 60_000)
})

describe("encode", () => {
  const provenance: Provenance = { origin: "edited", system: "Darkroom \"starter\" <&>", systemVersion: "1.2.3" }

  it.effect.each(mediaTypes)("marks %s so that it reads back", (mediaType) =>
    Effect.gen(function*() {
      const raw = yield* decode(yield* bytesOf(canvas(20, 10).png()))
      for (const origin of ["edited", "generated"] as const) {
        const bytes = yield* encode(raw, mediaType, { ...provenance, origin })
        const { xmpAsString } = yield* Effect.promise(() => sharp(bytes).metadata())
        assert.include(xmpAsString ?? "", `<Iptc4xmpExt:DigitalSourceType>${digitalSourceType(origin)}</`)
        assert.include(xmpAsString ?? "", "<Iptc4xmpExt:AISystemUsed>Darkroom &quot;starter&quot; &lt;&amp;&gt;</")
        assert.include(xmpAsString ?? "", "<Iptc4xmpExt:AISystemVersionUsed>1.2.3</")
      }
    }))

  it.effect("writes PNG without loss and the same bytes each time", () =>
    Effect.gen(function*() {
      const data = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 7919) % 256)
      const image = { data, width: 40, height: 30 }
      const bytes = yield* encode(image, "image/png", provenance)
      assert.deepStrictEqual(yield* encode(image, "image/png", provenance), bytes)
      assert.deepStrictEqual([...(yield* decode(bytes)).data], [...data])
    }))
})
