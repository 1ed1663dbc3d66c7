import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fromEnvironment, namespace } from "./cluster.ts"

/** All that the API server tells of pods, none left out between two looks. It must not go away meanwhile. */

interface Following {
  /** Of what was counted until now; fails when the watch has ended by itself. */
  readonly read: <A>(value: A) => A
  readonly stop: () => void
}

type OnEvent = (pod: { readonly name: string; readonly isGone: boolean; readonly fields: ReadonlyArray<string> }) => void

/** `fields` are JSONPaths within a pod; a value has no space. */
const followPods = (selector: string, fields: ReadonlyArray<string>, onEvent: OnEvent): Following => {
  const columns = ["{.type}", ...[".metadata.name", ...fields].map((path) => `{.object${path}}`)].join(" ")
  const args = ["--namespace", namespace, "get", "pods", "--selector", selector, "--watch", "--output-watch-events", "--output", `jsonpath=${columns}{"\\n"}`]
  const watch = spawn(fromEnvironment("KUBECTL"), args, { stdio: ["ignore", "pipe", "inherit"] })
  let isStopped = false
  let ended: string | undefined
  createInterface(watch.stdout).on("line", (line) => {
    const [type, name = "", ...values] = line.split(" ")
    onEvent({ name, isGone: type === "DELETED", fields: values })
  })
  watch.on("exit", (code, signal) => (ended = String(code ?? signal)))
  return {
    read: (value) => {
      if (ended !== undefined && !isStopped) throw new Error(`the watch of ${selector} ended by itself: ${ended}`)
      return value
    },
    stop: () => {
      isStopped = true
      watch.kill()
    }
  }
}

export interface PodCensus {
  /** Pods that were there at once, at most; those on their way out count, those that have ended do not. */
  readonly most: () => number
  /** Pods that were there at any time. */
  readonly names: () => ReadonlyArray<string>
  readonly stop: () => void
}

/** Counts a pool's pods from now on. */
export const takeCensus = (pool: string): PodCensus => {
  const present = new Set<string>()
  const names = new Set<string>()
  let most = 0
  const { read, stop } = followPods(`darkroom.dev/pool=${pool}`, [".status.phase"], ({ fields: [phase], isGone, name }) => {
    names.add(name)
    if (isGone || phase === "Succeeded" || phase === "Failed") present.delete(name)
    else present.add(name)
    most = Math.max(most, present.size)
  })
  return { most: () => read(most), names: () => read([...names]), stop }
}

/** Pods of a program that were ready and then were not, though nobody had told them to go. */
export const watchReadiness = (app: string): { readonly lost: () => ReadonlyArray<string>; readonly stop: () => void } => {
  const ready = new Set<string>()
  const lost = new Set<string>()
  const fields = [".status.conditions[?(@.type==\"Ready\")].status", ".metadata.deletionTimestamp"]
  const { read, stop } = followPods(`app.kubernetes.io/name=${app}`, fields, ({ fields: [isReady, deletedAt = ""], isGone, name }) => {
    if (isReady === "True") ready.add(name)
    else if (ready.has(name) && deletedAt === "" && !isGone) lost.add(name)
  })
  return { lost: () => read([...lost]), stop }
}

export interface PodLife {
  readonly pod: string
  /** When somebody told it to go, in whole seconds of the API server's clock (rounded down), as milliseconds of the epoch. */
  readonly toldAt: number
}

export interface PodWatch {
  /** Pods that were told to go, the first to be told first. */
  readonly told: () => ReadonlyArray<PodLife>
  readonly stop: () => void
}

/** Follows a pool's pods, so that no deletion is missed however soon its pod is gone. */
export const watchPods = (pool: string): PodWatch => {
  const told = new Map<string, PodLife>()
  const fields = [".metadata.deletionTimestamp", ".metadata.deletionGracePeriodSeconds"]
  const { read, stop } = followPods(`darkroom.dev/pool=${pool}`, fields, ({ fields: [deletedAt = "", graceS = ""], name }) => {
    if (deletedAt !== "" && !told.has(name)) told.set(name, { pod: name, toldAt: Date.parse(deletedAt) - Number(graceS) * 1_000 })
  })
  return { told: () => read([...told.values()]), stop }
}
