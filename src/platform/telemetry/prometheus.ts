/** Figures of a program in Prometheus' text format, version 0.0.4. Nothing here knows what they are of. */

export type Labels = Readonly<Record<string, string>>

interface Family {
  readonly name: string
  readonly help: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly lines: () => ReadonlyArray<string>
}

interface Forgetful {
  /** Forgets every value whose labels include these: what they were of is gone. */
  readonly forget: (labels: Labels) => void
}

export interface Counter extends Forgetful {
  readonly add: (labels: Labels, amount?: number) => void
}

export interface Gauge extends Forgetful {
  readonly set: (labels: Labels, value: number) => void
}

export interface Histogram extends Forgetful {
  readonly observe: (labels: Labels, value: number) => void
}

const escapeLabel = (value: string) => value.replaceAll("\\", "\\\\").replaceAll("\"", "\\\"").replaceAll("\n", "\\n")

const line = (name: string, labels: Labels, value: number): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`
}

const keyOf = (labels: Labels): string => JSON.stringify(Object.entries(labels).sort())

const forgetIn = (known: Map<string, { readonly labels: Labels }>) => (labels: Labels): void => {
  for (const [key, found] of known) {
    if (Object.entries(labels).every(([label, text]) => found.labels[label] === text)) known.delete(key)
  }
}

/** One set of figures; `render` writes them all. */
export const makeRegistry = () => {
  const families: Array<Family> = []

  const values = (name: string, help: string, type: "counter" | "gauge") => {
    const known = new Map<string, { readonly labels: Labels; value: number }>()
    families.push({ name, help, type, lines: () => [...known.values()].map(({ labels, value }) => line(name, labels, value)) })
    const of = (labels: Labels) => {
      const key = keyOf(labels)
      const found = known.get(key) ?? { labels, value: 0 }
      known.set(key, found)
      return found
    }
    return { known, of }
  }

  const counter = (name: string, help: string): Counter => {
    const { known, of } = values(name, help, "counter")
    return { add: (labels, amount = 1) => void (of(labels).value += amount), forget: forgetIn(known) }
  }

  const gauge = (name: string, help: string): Gauge => {
    const { known, of } = values(name, help, "gauge")
    return { set: (labels, value) => void (of(labels).value = value), forget: forgetIn(known) }
  }

  const histogram = (name: string, help: string, bounds: ReadonlyArray<number>): Histogram => {
    const known = new Map<string, { readonly labels: Labels; readonly buckets: Array<number>; sum: number; count: number }>()
    const lines = () =>
      [...known.values()].flatMap(({ buckets, count, labels, sum }) => [
        ...bounds.map((bound, index) => line(`${name}_bucket`, { ...labels, le: String(bound) }, buckets[index]!)),
        line(`${name}_bucket`, { ...labels, le: "+Inf" }, count),
        line(`${name}_sum`, labels, sum),
        line(`${name}_count`, labels, count)
      ])
    families.push({ name, help, type: "histogram", lines })
    return {
      forget: forgetIn(known),
      observe: (labels, value) => {
        const key = keyOf(labels)
        const found = known.get(key) ?? { labels, buckets: bounds.map(() => 0), sum: 0, count: 0 }
        known.set(key, found)
        // Cumulative: a bucket holds everything up to its bound.
        bounds.forEach((bound, index) => void (value <= bound && (found.buckets[index]! += 1)))
        found.sum += value
        found.count += 1
      }
    }
  }

  const render = (): string =>
    families.map(({ help, lines, name, type }) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines(), ""].join("\n")).join("")

  return { counter, gauge, histogram, render }
}
