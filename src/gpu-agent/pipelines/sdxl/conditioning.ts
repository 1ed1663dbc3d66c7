/** What the UNet is told besides latents and timestep. */

export interface TextConditioning {
  /** tokens × channels: both encoders' hidden states, side by side. */
  readonly hidden: Float32Array
  /** The second encoder's pooled embedding. */
  readonly pooled: Float32Array
}

export interface Conditioning extends TextConditioning {
  /** Six numbers: size before, crop, and size wanted, each as height (or top), width (or left). */
  readonly timeIds: ReadonlyArray<number>
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** A picture that was never scaled down and is not cropped: what the best of the training pictures were. */
export const timeIdsOf = ({ height, width }: Size): ReadonlyArray<number> => [height, width, 0, 0, height, width]

export const zerosLike = ({ hidden, pooled }: TextConditioning): TextConditioning => ({
  hidden: new Float32Array(hidden.length),
  pooled: new Float32Array(pooled.length)
})
