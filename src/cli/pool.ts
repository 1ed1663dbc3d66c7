import { Config, Effect, Layer, Option } from "effect"
import type { GpuPool, GpuPoolStatus } from "../contract/GpuPool.ts"
import { Presence } from "../platform/nats/Presence.ts"
import { PoolFile } from "../platform/pools/PoolFile.ts"
import { brokerOf } from "./broker.ts"
import { placeOf } from "./place.ts"
import { readRunning } from "./running.ts"

export interface PoolOptions {
  readonly scale: { readonly pool: string; readonly replicas: number } | undefined
  readonly data: string | undefined
}

const say = (line: string) => Effect.sync(() => void process.stdout.write(`${line}\n`))

/** A fleet announces its pools every two seconds. */
const listenTimes = 30
const listenEveryMs = 100

const statuses = Effect.fnUntraced(function*(pools: ReadonlyArray<GpuPool>) {
  const presence = yield* Presence
  return yield* presence.pools.pipe(
    Effect.delay(listenEveryMs),
    Effect.repeat({ until: (heard) => pools.every((pool) => heard.has(pool.metadata.name)), times: listenTimes })
  )
})

const inMemory = ({ models = [] }: GpuPoolStatus): string =>
  models.map(({ loadedPercent, loadedReplicas, name }) =>
    `\n  ${name}: in memory of ${loadedReplicas}${loadedPercent === undefined ? "" : `, being loaded (${loadedPercent} %)`}`
  ).join("")

const describe = (pool: GpuPool, status: GpuPoolStatus | undefined): string => {
  const { maxReplicas, models, replicas } = pool.spec
  const promised = `${pool.metadata.name}  ${models.join(",")}  floor ${replicas}, at most ${maxReplicas}`
  if (status === undefined) return `${promised}  no fleet tells about it`
  const wrong = status.conditions.filter((one) => (one.type === "Degraded" && one.status === "True") || (one.type === "QueueReachable" && one.status === "False"))
  return `${promised}  ${status.state}: ${status.readyReplicas} ready, ${status.busyReplicas} busy, ${status.desiredReplicas} wanted, ${status.queue.depth} unfinished jobs${inMemory(status)}${
    wrong.map((one) => `\n  ${one.reason}: ${one.message}`).join("")
  }`
}

const act = Effect.fnUntraced(function*({ scale }: PoolOptions) {
  const file = yield* PoolFile
  if (scale !== undefined) {
    const pool = yield* file.scale(scale.pool, scale.replicas)
    return yield* say(`${pool.metadata.name}: floor ${pool.spec.replicas}, at most ${pool.spec.maxReplicas}`)
  }
  const pools = yield* file.current
  const heard = yield* statuses(pools)
  for (const pool of pools) yield* say(describe(pool, heard.get(pool.metadata.name)?.status))
})

/** `darkroom pool`: edits the file that the fleet follows (`POOL_FILE`, else the running system's). */
export const poolCommand = Effect.fn("poolCommand")(function*(options: PoolOptions) {
  const place = placeOf(options.data)
  const given = yield* Config.option(Config.NonEmptyString("POOL_FILE"))
  const path = Option.getOrUndefined(given) ?? (yield* readRunning(place))?.pool_file ?? place.pools
  yield* act(options).pipe(
    Effect.provide(Layer.merge(PoolFile.layerAt(path), Presence.layer.pipe(Layer.provide(brokerOf(options.data)))))
  )
})
