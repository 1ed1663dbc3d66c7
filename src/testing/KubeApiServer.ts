import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Pool } from "undici"
import { parse } from "yaml"
import type { Endpoint } from "../platform/kubernetes/kubeConfig.ts"
import { type Authority, type Certificate, makeAuthority } from "./apiserver/certificates.ts"
import { endWithThisProcess, freePort, hasEnded, terminate, whenEnded } from "./NatsServer.ts"

/**
 * A real kube-apiserver on a real etcd, on loopback, as processes of the test: no controllers, no kubelets, so pods never
 * run and owners' children stay.
 */
export interface RunningKubeApiServer {
  /** As cluster-admin, in this namespace. */
  readonly endpoint: (namespace: string) => Endpoint
  /** The same, as a kubeconfig file. */
  readonly kubeconfig: string
  readonly makeNamespace: (name: string) => Promise<void>
  /** Forgets the past: etcd compacts, and the API server comes back without the events that it had kept. */
  readonly compact: () => Promise<void>
  /** SIGKILL of kube-apiserver alone, then again on the same port; resolves when it is ready. etcd goes on. */
  readonly restart: () => Promise<void>
  /** SIGSTOP and SIGCONT of kube-apiserver. */
  readonly freeze: () => void
  readonly thaw: () => void
  readonly stop: () => Promise<void>
}

const programs = ["etcd", "kube-apiserver"] as const
const readyTimeoutMs = 120_000
const stopTimeoutMs = 10_000
const crdPath = fileURLToPath(new URL("../../crds/gpupools.yaml", import.meta.url))

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** `KUBE_BIN_DIR`, else where `scripts/cluster build` puts what it builds. */
export const kubeBinaries = (): string => {
  const cache = process.env["DARKROOM_CACHE"] || join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "darkroom")
  return process.env["KUBE_BIN_DIR"] || join(cache, "bin")
}

const requireBinaries = (): string => {
  const folder = kubeBinaries()
  const missing = programs.filter((program) => !existsSync(join(folder, program)))
  if (missing.length > 0) {
    throw new Error(
      `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not in ${folder}. Run scripts/cluster build, or set KUBE_BIN_DIR to a folder that has ${programs.join(" and ")}.`
    )
  }
  return folder
}

interface Settings {
  readonly folder: string
  readonly binaries: string
  readonly etcdPort: number
  readonly etcdPeerPort: number
  readonly port: number
  readonly flags: ReadonlyArray<string>
}

export interface KubeApiServerOptions {
  /** More of kube-apiserver's. */
  readonly flags?: ReadonlyArray<string>
}

const launch = ({ binaries, folder }: Settings, program: (typeof programs)[number], options: ReadonlyArray<string>): ChildProcess => {
  const log = openSync(join(folder, `${program}.log`), "a")
  const child = spawn(join(binaries, program), [...options], { cwd: folder, stdio: ["ignore", log, log] })
  closeSync(log)
  if (child.pid !== undefined) endWithThisProcess(child, folder)
  return child
}

const startEtcd = (settings: Settings): ChildProcess => {
  const client = `http://127.0.0.1:${settings.etcdPort}`
  const peer = `http://127.0.0.1:${settings.etcdPeerPort}`
  return launch(settings, "etcd", [
    "--name=test",
    "--data-dir=etcd",
    "--unsafe-no-fsync",
    "--log-level=warn",
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=test=${peer}`
  ])
}

const startApi = (settings: Settings): ChildProcess =>
  launch(settings, "kube-apiserver", [
    `--etcd-servers=http://127.0.0.1:${settings.etcdPort}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${settings.port}`,
    "--tls-cert-file=server.crt",
    "--tls-private-key-file=server.key",
    "--client-ca-file=ca.crt",
    "--service-account-issuer=https://127.0.0.1",
    "--service-account-key-file=server.crt",
    "--service-account-signing-key-file=server.key",
    "--service-cluster-ip-range=10.96.0.0/24",
    "--authorization-mode=RBAC",
    // There is no controller that would make service accounts.
    "--disable-admission-plugins=ServiceAccount",
    ...settings.flags
  ])

const logOf = (folder: string, program: string) => {
  const path = join(folder, `${program}.log`)
  return existsSync(path) ? readFileSync(path, "utf8").slice(-4_000) : "(nothing)"
}

interface Asked {
  readonly status: number
  readonly body: string
}

const connectionsOf = (settings: Settings, ca: string, admin: Certificate) => {
  const pool = new Pool(`https://127.0.0.1:${settings.port}`, { connections: 1, allowH2: false, connect: { ca, cert: admin.cert, key: admin.key } })
  const ask = async (method: "GET" | "POST", path: string, body?: unknown): Promise<Asked> => {
    const response = await pool.request({
      method,
      path,
      headers: { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      headersTimeout: 5_000
    })
    return { status: response.statusCode, body: await response.body.text() }
  }
  return { ask, close: () => pool.destroy() }
}

const whenReady = async (api: ChildProcess, settings: Settings, ask: (path: string) => Promise<Asked>): Promise<void> => {
  const deadline = performance.now() + readyTimeoutMs
  while (performance.now() < deadline && !hasEnded(api)) {
    const answered = await ask("/readyz").catch(() => undefined)
    if (answered?.status === 200) return
    await delay(50)
  }
  throw new Error(
    `kube-apiserver ${hasEnded(api) ? "ended" : `was not ready within ${readyTimeoutMs} ms`}. Its log says:\n${logOf(settings.folder, "kube-apiserver")}\netcd's:\n${logOf(settings.folder, "etcd")}`
  )
}

/** Up to now, by etcd's JSON gateway. */
const compactEtcd = async ({ etcdPort }: Settings): Promise<void> => {
  const ask = async (path: string, body: unknown) => {
    const response = await fetch(`http://127.0.0.1:${etcdPort}/v3/kv/${path}`, { method: "POST", body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`etcd's ${path} failed (${response.status}): ${text}`)
    return JSON.parse(text) as { readonly header: { readonly revision: string } }
  }
  const { header } = await ask("range", { key: Buffer.from("/").toString("base64") })
  await ask("compaction", { revision: header.revision, physical: true })
}

const kubeconfigOf = (settings: Settings, ca: string, admin: Certificate) => {
  const base64 = (text: string) => Buffer.from(text).toString("base64")
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster: { server: `https://127.0.0.1:${settings.port}`, "certificate-authority-data": base64(ca) } }],
    users: [{ name: "admin", user: { "client-certificate-data": base64(admin.cert), "client-key-data": base64(admin.key) } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin", namespace: "default" } }]
  })
}

const expectMade = (what: string, { body, status }: Asked) => {
  if (status !== 201 && status !== 409) throw new Error(`${what} was not made (${status}): ${body}`)
}

const prepare = async ({ flags = [] }: KubeApiServerOptions): Promise<{ settings: Settings; authority: Authority; admin: Certificate }> => {
  const binaries = requireBinaries()
  const folder = mkdtempSync(join(tmpdir(), "darkroom-kube-"))
  mkdirSync(join(folder, "etcd"), { mode: 0o700 })
  const authority = await makeAuthority(folder)
  await authority.sign("server", "/CN=kube-apiserver", "IP:127.0.0.1,DNS:localhost")
  const admin = await authority.sign("admin", "/O=system:masters/CN=test-admin")
  const settings = { folder, binaries, etcdPort: await freePort(), etcdPeerPort: await freePort(), port: await freePort(), flags }
  return { settings, authority, admin }
}

/** Starts both and waits until the API server is ready and knows GpuPools; some seconds. */
export const startKubeApiServer = async (options: KubeApiServerOptions = {}): Promise<RunningKubeApiServer> => {
  const { admin, authority: { ca }, settings } = await prepare(options)
  const etcd = startEtcd(settings)
  let api = startApi(settings)
  const { ask, close } = connectionsOf(settings, ca, admin)
  const ready = () => whenReady(api, settings, (path) => ask("GET", path))
  const stop = async () => {
    await close()
    api.kill("SIGCONT")
    await terminate(api)
    await terminate(etcd)
    rmSync(settings.folder, { recursive: true, force: true })
  }
  const makeNamespace = async (name: string) =>
    expectMade(`the namespace ${name}`, await ask("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } }))
  const install = async () => {
    await ready()
    expectMade("the CRD", await ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", parse(await readFile(crdPath, "utf8"))))
    const deadline = performance.now() + readyTimeoutMs
    while ((await ask("GET", "/apis/darkroom.dev/v1alpha1/namespaces/default/gpupools")).status !== 200) {
      if (performance.now() > deadline) throw new Error(`GpuPools are not served within ${readyTimeoutMs} ms`)
      await delay(50)
    }
  }
  await install().catch(async (error: unknown) => {
    await stop()
    throw error
  })
  const kubeconfig = join(settings.folder, "kubeconfig")
  const restart = async () => {
    api.kill("SIGKILL")
    await whenEnded(api, stopTimeoutMs)
    api = startApi(settings)
    await ready()
  }
  writeFileSync(kubeconfig, kubeconfigOf(settings, ca, admin))
  return {
    endpoint: (namespace) => ({
      server: `https://127.0.0.1:${settings.port}`,
      namespace,
      credentials: Effect.succeed({ tls: { ca, ...admin }, headers: {} })
    }),
    kubeconfig,
    makeNamespace,
    compact: async () => {
      await compactEtcd(settings)
      await restart()
    },
    restart,
    freeze: () => void api.kill("SIGSTOP"),
    thaw: () => void api.kill("SIGCONT"),
    stop
  }
}
