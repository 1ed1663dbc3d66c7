/**
 * True classifier-free guidance: away from the negative prediction, then every token back to the length that it had,
 * so that a high scale changes the direction and not the contrast. `width`: values a token.
 */
export const guide = (positive: Float32Array, negative: Float32Array, scale: number, width: number): Float32Array => {
  const guided = positive.map((value, i) => negative[i]! + scale * (value - negative[i]!))
  for (let start = 0; start < guided.length; start += width) {
    let wanted = 0
    let found = 0
    for (let i = start; i < start + width; i++) {
      wanted += positive[i]! * positive[i]!
      found += guided[i]! * guided[i]!
    }
    const factor = Math.sqrt(wanted) / Math.sqrt(found)
    for (let i = start; i < start + width; i++) guided[i]! *= factor
  }
  return guided
}
