/**
 * What the prompt of a `noop` job may say, as words `name=value` anywhere in it:
 * `steps=8` steps · `ms=50` milliseconds a step · `size=64x64` of the output ·
 * `input=2` to edit the second picture · and at step k (1 = the first):
 * `fail_at=k` a model error · `invalid_at=k` invalid input · `hang_at=k` never ends, deaf to everything ·
 * `crash_at=k` the process dies of a signal. Running out of memory is there for every family: engine/faults.ts.
 */
export interface Directions {
  readonly steps: number | undefined
  readonly msPerStep: number
  readonly size: { readonly width: number; readonly height: number } | undefined
  /** Of the input pictures, from 1. */
  readonly input: number
  readonly at: Readonly<Record<Misfortune, number | undefined>>
}

export type Misfortune = "fail" | "invalid" | "hang" | "crash"

const stepsMax = 10_000

export const parseDirections = (prompt: string): Directions => {
  const words = new Map(prompt.split(/\s+/).map((word): [string, string] => [word.split("=")[0] ?? "", word.split("=")[1] ?? ""]))
  const number = (name: string) => {
    const text = words.get(name)
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
  }
  const size = /^(\d{1,4})x(\d{1,4})$/.exec(words.get("size") ?? "")
  const steps = number("steps")
  return {
    steps: steps === undefined ? undefined : Math.min(steps, stepsMax),
    msPerStep: number("ms") ?? 0,
    size: size === null ? undefined : { width: Number(size[1]) || 1, height: Number(size[2]) || 1 },
    input: number("input") ?? 1,
    at: {
      fail: number("fail_at"),
      invalid: number("invalid_at"),
      hang: number("hang_at"),
      crash: number("crash_at")
    }
  }
}
