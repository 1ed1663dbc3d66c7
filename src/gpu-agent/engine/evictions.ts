/** Which models leave the memory for another. Pure. */

/** A model in memory, or on its way there, with what its manifest says that it needs. */
export interface Resident {
  readonly name: string
  readonly memoryBytes: number
}

export type Room =
  /** These go; all others fit together with the new one. */
  | { readonly _tag: "Room"; readonly evict: ReadonlyArray<string> }
  /** It would not fit into empty memory. */
  | { readonly _tag: "TooLarge" }

/**
 * `residents`: least recently used first. The most recently used stay as far as there is room; one that was used
 * earlier stays too where the room that is left is enough for it.
 */
export const makeRoom = (residents: ReadonlyArray<Resident>, wanted: Resident, budgetBytes: number): Room => {
  let freeBytes = budgetBytes - wanted.memoryBytes
  if (freeBytes < 0) return { _tag: "TooLarge" }
  const evict: Array<string> = []
  for (const { memoryBytes, name } of residents.toReversed()) {
    if (memoryBytes <= freeBytes) freeBytes -= memoryBytes
    else evict.push(name)
  }
  return { _tag: "Room", evict: evict.toReversed() }
}
