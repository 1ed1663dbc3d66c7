/** Limits that every program must agree on. The unit is the last word of each name. */

export const imageMaxBytes = 10 * 1024 * 1024
export const imageMaxPixels = 25_000_000
/** A JSON body carries base64 (4/3 of the image) and a prompt; anything longer cannot be valid. */
export const bodyMaxBytes = 15 * 1024 * 1024
/** Pictures of one edit besides the first; how many a model takes its manifest says. */
export const furtherImagesMax = 2
export const lorasMax = 4
export const promptMaxChars = 4_000
export const clientIdMaxChars = 200

export const attemptsPerRoundMax = 3
export const retriesByUserMax = 3

export const heartbeatIntervalMs = 2_000
export const drainLeaseMs = 30_000
export const historyPageMax = 100
export const idempotencyWindowMs = 24 * 60 * 60 * 1000
