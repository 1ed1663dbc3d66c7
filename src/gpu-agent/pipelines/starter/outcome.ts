/** What to tell the person about an edit that came out as the photo that went in. */

export interface StarterOutcome {
  /** Names of the edits, in the order of the gates. */
  readonly edits: ReadonlyArray<string>
  /** Names of what is made of several edits. */
  readonly looks: ReadonlyArray<string>
  /** How strongly each edit was asked for, 0..1; one more at the end: 1 when no edit was recognised. */
  readonly gates: ArrayLike<number>
  /** Every byte is the input's. */
  readonly unchanged: boolean
}

export const warningsOf = ({ edits, gates, looks, unchanged }: StarterOutcome): ReadonlyArray<string> => {
  if (!unchanged) return []
  const recognised = edits.filter((_, i) => (gates[i] ?? 0) > 0)
  return recognised.length === 0
    ? [
      `Nothing in the instruction matched an edit this model knows; the photo is unchanged. It knows: ${[...edits, ...looks].join(", ")}.`
    ]
    : [
      `The instruction was read as ${recognised.join(", ")}, but nothing in the photo matched what it names; the photo is unchanged.`
    ]
}
