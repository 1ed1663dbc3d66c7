import { cpus, totalmem } from "node:os"

/** What measurements of bench/ say, and how they are written down. */

export const quantile = (values: ReadonlyArray<number>, q: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}

/** One line of times in milliseconds. */
export const row = (name: string, values: ReadonlyArray<number>): string =>
  `${name.padEnd(64)} p50 ${quantile(values, 0.5).toFixed(1).padStart(8)} ms   p99 ${quantile(values, 0.99).toFixed(1).padStart(8)} ms   ${String(values.length).padStart(4)} samples`

export const machine = (): string =>
  `${cpus().length} x ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / 1024 ** 3)} GiB, node ${process.version}`
