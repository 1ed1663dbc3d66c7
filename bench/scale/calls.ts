import { closeSync, existsSync, openSync, readSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** What the API server was asked, by whom and when, from its own audit log. */

export interface Call {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`; server-side apply is a `patch`. */
  readonly verb: string
  /** `pods`, `gpupools/status`, … */
  readonly resource: string
  readonly name: string
  /** Name of the program, from its User-Agent. */
  readonly program: string
  readonly code: number
  /** When the server had answered; of a watch when it had begun. Milliseconds of the epoch, with a fraction. */
  readonly at: number
}

interface AuditEvent {
  readonly stage: string
  readonly verb: string
  readonly userAgent?: string
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly name?: string }
  readonly responseStatus?: { readonly code?: number }
  readonly stageTimestamp: string
}

const policy = JSON.stringify({
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "Metadata" }]
})

/** Microseconds, which Date.parse drops. */
const momentOf = (text: string): number => Date.parse(text) + Number(/\.\d{3}(\d{3})/.exec(text)?.[1] ?? 0) / 1_000

const callOf = (line: string): ReadonlyArray<Call> => {
  const event = JSON.parse(line) as AuditEvent
  const isWatch = event.verb === "watch"
  if (event.stage !== (isWatch ? "ResponseStarted" : "ResponseComplete") || event.objectRef === undefined) return []
  const { name = "", resource = "", subresource } = event.objectRef
  return [{
    verb: event.verb,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    name,
    program: (event.userAgent ?? "").split("/")[0] ?? "",
    code: event.responseStatus?.code ?? 0,
    at: momentOf(event.stageTimestamp)
  }]
}

const chunkBytes = 1024 * 1024

export class AuditLog {
  /** For kube-apiserver. */
  readonly flags: ReadonlyArray<string>
  readonly #path: string
  readonly #calls: Array<Call> = []
  #readBytes = 0
  #rest = ""

  constructor(folder: string) {
    this.#path = join(folder, "audit.log")
    const policyPath = join(folder, "audit-policy.yaml")
    writeFileSync(policyPath, policy)
    this.flags = [`--audit-policy-file=${policyPath}`, `--audit-log-path=${this.#path}`]
  }

  /** All calls until now, in the order in which the server wrote them down. */
  calls(): ReadonlyArray<Call> {
    if (!existsSync(this.#path)) return []
    const file = openSync(this.#path, "r")
    const chunk = Buffer.alloc(chunkBytes)
    for (let bytes = readSync(file, chunk, 0, chunkBytes, this.#readBytes); bytes > 0; bytes = readSync(file, chunk, 0, chunkBytes, this.#readBytes)) {
      this.#readBytes += bytes
      // The log is ASCII but for names, which here are ASCII too.
      const lines = (this.#rest + chunk.toString("latin1", 0, bytes)).split("\n")
      this.#rest = lines.pop() ?? ""
      for (const line of lines) this.#calls.push(...callOf(line))
    }
    closeSync(file)
    return this.#calls
  }

  /** Of one program, within a time. */
  between(program: string, from: number, to: number): ReadonlyArray<Call> {
    return this.calls().filter((call) => call.program === program && call.at >= from && call.at < to)
  }
}

const reads = new Set(["get", "list", "watch"])
export const isWrite = ({ verb }: Call): boolean => !reads.has(verb)
/** The lease is renewed for as long as somebody leads, whatever else happens. */
export const isLease = ({ resource }: Call): boolean => resource === "leases"

/** `create pods` → how many. */
export const countsOf = (calls: ReadonlyArray<Call>): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { code, resource, verb } of calls) {
    const what = `${verb} ${resource}${code >= 400 ? ` (${code})` : ""}`
    counts[what] = (counts[what] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a))
}
