import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

/** Where things of one installation are. Pure. */

export const checkout = resolve(fileURLToPath(new URL("../..", import.meta.url)))

/** Where Node keeps compiled modules; safe to delete. */
export const compileCache = join(checkout, ".darkroom", "compile-cache")

export interface Place {
  readonly data: string
  readonly lock: string
  readonly key: string
  readonly pools: string
  /** Which models were installed when the list of the pool was last brought up to date. */
  readonly models: string
  readonly logs: string
  /** Addresses and credentials of the running system; only its user may read it. */
  readonly running: string
  readonly natsConfig: string
  readonly natsStore: string
  readonly natsPid: string
  readonly gateway: string
  readonly fleet: string
}

/** `data` is relative to the present folder; without it, `.darkroom` in the checkout. */
export const placeOf = (data: string | undefined, testModels = false): Place => {
  const at = data === undefined ? join(checkout, ".darkroom") : resolve(data)
  return {
    data: at,
    lock: join(at, "up.lock"),
    key: join(at, "key"),
    pools: join(at, testModels ? "pool.test.yaml" : "pool.yaml"),
    models: join(at, testModels ? "models.test.json" : "models.json"),
    logs: join(at, "logs"),
    running: join(at, "running.json"),
    natsConfig: join(at, "nats", "nats.conf"),
    natsStore: join(at, "nats", "store"),
    natsPid: join(at, "nats", "nats.pid"),
    gateway: join(at, "gateway"),
    fleet: join(at, "fleet")
  }
}
