/**
 * The test cluster's ingress controller: follows Ingresses and Services, writes nginx's configuration and has nginx read it
 * anew. `/healthz` on HEALTH_PORT answers 200 once both have been read and nginx runs.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { type Ingress, nginxConf, type Service } from "./nginxConf.ts"

const { HEALTH_PORT = "8081", INGRESS_CLASS = "nginx", KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, PORT = "8080" } = process.env
const api = `https://${KUBERNETES_SERVICE_HOST}:${KUBERNETES_SERVICE_PORT}`
const account = "/var/run/secrets/kubernetes.io/serviceaccount"
const folder = "/tmp/nginx"
const confPath = `${folder}/nginx.conf`
const watchSeconds = 300
const silenceMs = (watchSeconds + 30) * 1000
const retryMs = 1000
const settleMs = 50

const log = (message: string) => console.log(`${new Date().toISOString()} ${message}`)
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

// The token is read for every request, because kubelet renews it.
const ask = async (path: string): Promise<Response> => {
  const token = readFileSync(`${account}/token`, "utf8")
  const response = await fetch(api + path, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(silenceMs) })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${(await response.text()).slice(0, 300)}`)
  return response
}

async function* linesOf(response: Response) {
  let rest = ""
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) if (line !== "") yield JSON.parse(line)
  }
}

const keyOf = ({ metadata }: Ingress | Service) => `${metadata.namespace}/${metadata.name}`

/** Keeps `items` as the API server has them; a watch that ends or fails begins with a list again. */
const follow = async <A extends Ingress | Service>(path: string, items: Map<string, A>, changed: () => void) => {
  for (;;) {
    try {
      const list = (await (await ask(path)).json()) as { items: ReadonlyArray<A>; metadata: { resourceVersion: string } }
      items.clear()
      for (const item of list.items) items.set(keyOf(item), item)
      changed()
      const watch = await ask(`${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}&timeoutSeconds=${watchSeconds}`)
      for await (const { object, type } of linesOf(watch)) {
        if (type === "ERROR") break
        if (type === "DELETED") items.delete(keyOf(object))
        else items.set(keyOf(object), object)
        changed()
      }
    } catch (error) {
      log(`reading ${path} again: ${String(error)}`)
      await pause(retryMs)
    }
  }
}

const ingresses = new Map<string, Ingress>()
const services = new Map<string, Service>()
const read = new Set<string>()
let nginx: ChildProcess | undefined
let written = ""
let timer: NodeJS.Timeout | undefined

const write = () => {
  timer = undefined
  const ofClass = [...ingresses.values()].filter(({ spec }) => spec.ingressClassName === INGRESS_CLASS)
  const conf = nginxConf({ folder, ingresses: ofClass, port: Number(PORT), services })
  if (conf === written) return
  written = conf
  writeFileSync(confPath, conf)
  log(`configuration of ${ofClass.length} Ingress(es) written`)
  if (nginx !== undefined) return void nginx.kill("SIGHUP")
  nginx = spawn("/usr/sbin/nginx", ["-c", confPath, "-p", folder], { stdio: "inherit" })
  // kubelet starts the container again.
  nginx.on("exit", (code) => process.exit(code ?? 1))
}

const changed = (name: string) => () => {
  read.add(name)
  if (read.size === 2 && timer === undefined) timer = setTimeout(write, settleMs)
}

mkdirSync(folder, { recursive: true })
createServer((_, response) => response.writeHead(nginx === undefined ? 503 : 200).end()).listen(Number(HEALTH_PORT))
// QUIT lets nginx finish the requests that it has.
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => (nginx === undefined ? process.exit(0) : nginx.kill("SIGQUIT")))
void follow("/apis/networking.k8s.io/v1/ingresses", ingresses, changed("ingresses"))
void follow("/api/v1/services", services, changed("services"))
