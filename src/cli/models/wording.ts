import { Effect } from "effect"

export const say = (line: string) => Effect.sync(() => void process.stdout.write(`${line}\n`))

const units = ["B", "kB", "MB", "GB", "TB"]

/** `27.3 GB` */
export const bytesText = (bytes: number): string => {
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  const value = bytes / 1000 ** power
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`
}
