import type { Grid } from "./processor.ts"

/** What the text encoder is told, and which part of its answer counts. */

const systemPrompt =
  "Describe the key features of the input image (color, shape, size, texture, objects, background), then explain how the user's " +
  "text instruction should alter or modify the image. Generate a new image that meets the user's requirements while maintaining " +
  "consistency with the original input where appropriate."

/** Tokens of the template before the user's part, which the transformer was trained without. */
export const templateTokens = 64

export const imagePad = "<|image_pad|>"

/** Without a negative prompt guidance goes away from what says nothing. */
export const emptyPrompt = " "

export const promptText = (prompt: string, images: number): string => {
  const pictures = Array.from({ length: images }, (_, i) => `Picture ${i + 1}: <|vision_start|>${imagePad}<|vision_end|>`).join("")
  return `<|im_start|>system\n${systemPrompt}<|im_end|>\n<|im_start|>user\n${pictures}${prompt}<|im_end|>\n<|im_start|>assistant\n`
}

/** A picture's one token becomes as many as it has merged patches. */
export const expandImages = (tokens: ReadonlyArray<number>, imageToken: number, counts: ReadonlyArray<number>): ReadonlyArray<number> => {
  let image = 0
  return tokens.flatMap((token) => (token === imageToken ? Array.from({ length: counts[image++] ?? 0 }, () => token) : [token]))
}

/**
 * Positions on three axes (time, row, column), one after the other: words count up on all of them; a picture's tokens
 * have one time and their place in the picture; what follows goes on behind the largest.
 */
export const ropePositions = (tokens: ReadonlyArray<number>, imageToken: number, grids: ReadonlyArray<Grid>): ReadonlyArray<ReadonlyArray<number>> => {
  const time: Array<number> = []
  const row: Array<number> = []
  const column: Array<number> = []
  let next = 0
  let image = 0
  for (let at = 0; at < tokens.length; at++) {
    const grid = tokens[at] === imageToken ? grids[image] : undefined
    if (grid === undefined) {
      for (const axis of [time, row, column]) axis.push(next)
      next++
      continue
    }
    for (let y = 0; y < grid.rows; y++) {
      for (let x = 0; x < grid.columns; x++) {
        time.push(next)
        row.push(next + y)
        column.push(next + x)
      }
    }
    at += grid.rows * grid.columns - 1
    next += Math.max(grid.rows, grid.columns)
    image++
  }
  return [time, row, column]
}

/** The hidden states behind the template's start. `hidden`: [tokens, size]. */
export const withoutTemplate = (hidden: Float32Array, size: number): Float32Array => hidden.subarray(templateTokens * size)
