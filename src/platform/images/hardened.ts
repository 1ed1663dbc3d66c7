import sharp, { type Sharp, type SharpOptions } from "sharp"
import { imageMaxPixels } from "../../contract/limits.ts"

/**
 * sharp with every loader blocked but those of JPEG, PNG and WebP: a TIFF, GIF, SVG or HEIF never reaches its parser,
 * whatever the file calls itself. Import sharp from here only.
 */
sharp.block({ operation: ["VipsForeignLoad"] })
sharp.unblock({ operation: ["VipsForeignLoadJpeg", "VipsForeignLoadPng", "VipsForeignLoadWebp"] })
// No picture is read twice; a cache would only keep strangers' photos in memory.
sharp.cache(false)

const options: SharpOptions = {
  limitInputPixels: imageMaxPixels,
  failOn: "warning",
  sequentialRead: true,
  pages: 1
}

export const openImage = (bytes: Uint8Array): Sharp => sharp(bytes, options)

/** 8-bit RGB without padding, rows from the top: `width × height × 3` bytes. */
export interface RawImage {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

export const openRaw = (image: RawImage): Sharp =>
  sharp(image.data, {
    raw: { width: image.width, height: image.height, channels: 3 },
    limitInputPixels: imageMaxPixels
  })
