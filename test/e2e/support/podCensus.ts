import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fromEnvironment, namespace } from "./cluster.ts"

/** All that the API server tells of a pool's pods, none left out between two looks. */
export interface PodCensus {
  /** Pods that were there at once, at most; those on their way out count, those that have ended do not. */
  readonly most: () => number
  /** Pods that were there at any time. */
  readonly names: () => ReadonlyArray<string>
  readonly stop: () => void
}

const columns = "{.type} {.object.metadata.name} {.object.status.phase}{\"\\n\"}"
const firstWords = /^(ADDED|MODIFIED|DELETED) (\S+) (\S*)$/

/** Counts from now on; the API server must not go away meanwhile. */
export const takeCensus = (pool: string): PodCensus => {
  const args = ["--namespace", namespace, "get", "pods", "--selector", `darkroom.dev/pool=${pool}`, "--watch", "--output-watch-events"]
  const watch = spawn(fromEnvironment("KUBECTL"), [...args, "--output", `jsonpath=${columns}`], { stdio: ["ignore", "pipe", "inherit"] })
  const present = new Set<string>()
  const names = new Set<string>()
  let most = 0
  let ended: string | undefined
  createInterface(watch.stdout).on("line", (line) => {
    const [, type, name = "", phase] = firstWords.exec(line) ?? []
    if (type === undefined) return
    names.add(name)
    if (type === "DELETED" || phase === "Succeeded" || phase === "Failed") present.delete(name)
    else present.add(name)
    most = Math.max(most, present.size)
  })
  watch.on("exit", (code, signal) => (ended = `${code ?? signal}`))
  const whileItRuns = <A>(value: () => A) => () => {
    if (ended !== undefined) throw new Error(`the watch of pool ${pool}'s pods ended by itself: ${ended}`)
    return value()
  }
  return {
    most: whileItRuns(() => most),
    names: whileItRuns(() => [...names]),
    stop: () => void watch.kill()
  }
}
