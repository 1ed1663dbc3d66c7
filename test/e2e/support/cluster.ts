import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

/** The cluster under test, as scripts/test e2e left it in the environment. */

const repository = fileURLToPath(new URL("../../..", import.meta.url))
const commandTimeoutMs = 60_000
const maxOutputBytes = 64 * 1024 * 1024
const pollMs = 200

/** Where manifests/overlays/kind puts Darkroom. */
export const namespace = "darkroom"

export const fromEnvironment = (name: string): string => {
  const value = process.env[name]
  if (value === undefined || value === "") throw new Error(`${name} is not set: run these tests with scripts/test e2e, or first: eval "$(scripts/cluster env)"`)
  return value
}

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const run = (program: string, args: ReadonlyArray<string>, input?: string): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = execFile(program, [...args], { cwd: repository, maxBuffer: maxOutputBytes, timeout: commandTimeoutMs }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") return reject(new Error(`${program} ${args.join(" ")}: ${error.message}\n${stderr}`))
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
    // One that ended before it read is told by its exit.
    child.stdin?.on("error", () => undefined)
    child.stdin?.end(input ?? "")
  })

/** kubectl in Darkroom's namespace, whatever it answers. */
export const tryKubectl = (args: ReadonlyArray<string>, input?: string): Promise<Ran> =>
  run(fromEnvironment("KUBECTL"), ["--namespace", namespace, "--request-timeout=30s", ...args], input)

/** kubectl in Darkroom's namespace; its output. Fails with its words when it fails. */
export const kubectl = async (args: ReadonlyArray<string>, input?: string): Promise<string> => {
  const { code, stderr, stdout } = await tryKubectl(args, input)
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}: ${stderr}`)
  return stdout
}

export const kubectlJson = async (...args: ReadonlyArray<string>): Promise<any> => JSON.parse(await kubectl([...args, "-o", "json"]))

/** Applies an object as a person would. */
export const apply = (object: object): Promise<string> =>
  kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], JSON.stringify(object))

export const ingressUrls = (): ReadonlyArray<string> => fromEnvironment("INGRESS_URLS").split(" ")

/** What scripts/cluster can break and mend; nodes by name, as in `kubectl get nodes`. */
export const cluster = (command: "crash" | "boot" | "cut" | "join" | "freeze" | "thaw" | "stop" | "start", what: string): Promise<Ran> =>
  run(`${repository}/scripts/cluster`, [command, what])

/** A command inside a node, by its name. */
export const inNode = (node: string, ...command: ReadonlyArray<string>): Promise<Ran> =>
  run(`${repository}/scripts/cluster`, ["in", node, ...command])

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** The first answer of `look` that is not undefined; fails after `limitMs` with what it last threw or said. */
export const until = async <A>(what: string, look: () => Promise<A | undefined>, limitMs: number, describe: () => Promise<string> = describePods): Promise<A> => {
  const end = Date.now() + limitMs
  let last: unknown
  while (Date.now() < end) {
    try {
      const found = await look()
      if (found !== undefined) return found
      last = undefined
    } catch (error) {
      last = error
    }
    await sleep(pollMs)
  }
  throw new Error(`${what} did not happen within ${limitMs / 1000} s${last === undefined ? "" : `; last: ${String(last)}`}\n${await describe().catch(String)}`)
}

/** What a person would look at first. */
const describePods = async (): Promise<string> => {
  const seen = await Promise.all([
    tryKubectl(["get", "gpupools,pods", "-o", "wide"]),
    tryKubectl(["get", "events", "--sort-by=.lastTimestamp"])
  ])
  return seen.map(({ stderr, stdout }) => `${stdout}${stderr}`.split("\n").slice(-30).join("\n")).join("\n")
}
