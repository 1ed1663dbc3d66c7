/** Python's `round`: to the nearest whole number, a half to the even one. `Math.round` takes halves up. */
export const roundHalfEven = (value: number): number => {
  const below = Math.floor(value)
  const rest = value - below
  if (rest !== 0.5) return Math.round(value)
  return below % 2 === 0 ? below : below + 1
}
