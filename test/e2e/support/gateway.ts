import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { ingressUrls, kubectlJson } from "./cluster.ts"

/** A client outside the cluster, which reaches the gateways as users do: through the Ingress, on any node that answers. */

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Parsed when it is JSON, else the text. */
  readonly body: any
}

export interface SendOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly json?: unknown
  /** "" sends none. */
  readonly key?: string
  readonly signal?: AbortSignal
}

const requestTimeoutMs = 330_000

/** The photo that the README edits. */
export const astronaut = (): Buffer => readFileSync(fileURLToPath(new URL("../../../examples/astronaut.png", import.meta.url)))

/** The key and the host that manifests/overlays/kind gives to the gateway and its Ingress. */
const readSettings = async (): Promise<{ readonly key: string; readonly host: string | undefined }> => {
  const [secrets, ingresses] = await Promise.all([kubectlJson("get", "secrets"), kubectlJson("get", "ingresses")])
  const keys = secrets.items.flatMap(({ data }: any) => (data?.DARKROOM_API_KEY === undefined ? [] : [data.DARKROOM_API_KEY]))
  if (keys.length === 0) throw new Error("no Secret of the namespace has a DARKROOM_API_KEY: was manifests/overlays/kind applied?")
  return {
    key: Buffer.from(keys[0], "base64").toString(),
    host: ingresses.items[0]?.spec.rules?.[0]?.host
  }
}

export class Gateway {
  readonly key: string
  readonly #host: string | undefined
  #turn = 0

  private constructor(key: string, host: string | undefined) {
    this.key = key
    this.#host = host
  }

  static async connect(): Promise<Gateway> {
    const { host, key } = await readSettings()
    return new Gateway(key, host)
  }

  /** Another node for each call. */
  async fetch(path: string, { headers, json, key = this.key, method, signal }: SendOptions = {}): Promise<Response> {
    const urls = ingressUrls()
    const url = urls[this.#turn++ % urls.length]
    return fetch(`${url}${path}`, {
      method: method ?? (json === undefined ? "GET" : "POST"),
      headers: {
        ...(this.#host === undefined ? {} : { host: this.#host }),
        ...(key === "" ? {} : { "x-api-key": key }),
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...headers
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      signal: signal ?? AbortSignal.timeout(requestTimeoutMs)
    })
  }

  async send(path: string, options: SendOptions = {}): Promise<Answer> {
    const response = await this.fetch(path, options)
    const text = await response.text()
    const isJson = response.headers.get("content-type")?.includes("json") === true
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }

  edit(prompt: string, fields: object = {}, options: SendOptions = {}): Promise<Answer> {
    return this.send("/api/edit", { ...options, json: { image: astronaut().toString("base64"), prompt, ...fields } })
  }

  queue(pool: string): Promise<Answer> {
    return this.send(`/api/queue?pool=${pool}`)
  }
}
