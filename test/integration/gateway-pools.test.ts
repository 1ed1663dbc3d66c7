import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import type { GpuPoolStatus } from "../../src/contract/GpuPool.ts"
import { GatewayConfig } from "../../src/gateway/config.ts"
import { PoolRegistry } from "../../src/gateway/pools/PoolRegistry.ts"
import { layerResources } from "../../src/gateway/pools/resources.ts"
import { ApiProblem } from "../../src/gateway/problem.ts"
import { scale } from "../../src/gateway/routes/queue.ts"
import { KubeClient } from "../../src/platform/kubernetes/KubeClient.ts"
import type { ApiRequest, KubeTransport } from "../../src/platform/kubernetes/KubeTransport.ts"
import { gpuPools } from "../../src/platform/kubernetes/resources.ts"
import type { Faults } from "../../src/testing/apiserver/faults.ts"
import { makeMemoryApiServer, type MemoryApiServer } from "../../src/testing/MemoryApiServer.ts"
import { eventually } from "./logServices.ts"

/** The gateway's pools of a cluster, on an API server in memory. */

const status: GpuPoolStatus = {
  state: "SCALED_TO_ZERO",
  replicas: 0,
  desiredReplicas: 0,
  readyReplicas: 0,
  busyReplicas: 0,
  queue: { depth: 0, readable: true },
  lanesReadyFor: ["noop"],
  conditions: []
}

const kubeOf = (server: MemoryApiServer) => {
  const use = <A, E>(f: (client: KubeClient["Service"]) => Effect.Effect<A, E>) =>
    Effect.orDie(KubeClient.use(f).pipe(Effect.provide(KubeClient.over(server.transport))))
  const spec = { models: ["noop"], maxReplicas: 4 }
  return {
    create: (name: string) => use((client) => client.create(gpuPools, { metadata: { name }, spec })),
    patch: (name: string, change: Readonly<Record<string, unknown>>) => use((client) => client.patch(gpuPools, name, change)),
    patchStatus: (name: string, told: GpuPoolStatus) =>
      use((client) => client.patch(gpuPools, name, { status: told }, { subresource: "status" })),
    remove: (name: string) => use((client) => client.delete(gpuPools, name)),
    spec: (name: string) => use((client) => Effect.map(client.get(gpuPools, name), (pool) => pool.spec))
  }
}

interface World {
  readonly server: MemoryApiServer
  readonly kube: ReturnType<typeof kubeOf>
  /** What happens after each time that the gateway has read one pool. */
  afterRead: Effect.Effect<unknown>
}

/** Of a gateway where at most 8 replicas may be asked for. */
const test = (name: string, body: (world: World) => Effect.Effect<void, unknown, PoolRegistry | GatewayConfig>, faults: Partial<Faults> = {}) =>
  it.live(name, () => {
    const server = makeMemoryApiServer()
    Object.assign(server.faults, faults)
    const world: World = { server, kube: kubeOf(server), afterRead: Effect.void }
    const request: KubeTransport["request"] = (sent) =>
      Effect.tap(server.transport.request(sent), () =>
        sent.method === "GET" && /\/gpupools\/[a-z]+$/.test(sent.path) ? world.afterRead : Effect.void)
    const registry = layerResources.pipe(
      Layer.provide(KubeClient.over({ ...server.transport, request })),
      Layer.provideMerge(GatewayConfig.layer),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ POOL_MAX_REPLICAS_CEILING: "8" })))
    )
    return Effect.provide(body(world), registry)
  }, 30_000)

const isWrite = ({ method }: ApiRequest) => method === "PATCH"

const answer = (code: number, reason: string, message: string) =>
  ({ answer: { status: code, body: JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", reason, message, code }) } })

/** `POST /api/gpu/scale?pool=…&replicas=…` as far as it fails. */
const refused = (pool: string, replicas: number) =>
  scale({ req: { query: () => ({ pool, replicas: String(replicas) }) } } as never).pipe(
    Effect.flip,
    Effect.map((error) => {
      assert.instanceOf(error, ApiProblem)
      return error as ApiProblem
    })
  )

const known = (names: ReadonlyArray<string>) =>
  eventually(`pools ${names.join()}`, PoolRegistry.use((registry) =>
    Effect.map(registry.all, (all) => all.map(({ name }) => name).toSorted().join() === names.join())))

describe("the gateway's pools of a cluster", () => {
  test("are those that the API server has, with their status, without those that are being deleted", Effect.fnUntraced(function*({ kube }) {
    for (const name of ["a", "b"]) yield* kube.create(name)
    yield* kube.patchStatus("a", status)
    yield* known(["a", "b"])
    const lanes = yield* PoolRegistry.use((registry) => Effect.map(registry.all, (all) => all.map((pool) => pool.lanesReadyFor)))
    assert.deepStrictEqual(lanes, [["noop"], []])
    yield* kube.patch("b", { metadata: { finalizers: ["test/held"] } })
    yield* kube.remove("b")
    yield* known(["a"])
  }))

  let isAway = true
  test("are unknown until the first list", Effect.fnUntraced(function*() {
    const registry = yield* PoolRegistry
    yield* Effect.sleep("300 millis")
    assert.isFalse(yield* registry.isKnown)
    isAway = false
    yield* eventually("the first list", registry.isKnown)
  }), { request: () => (isAway ? "reset" : undefined) })

  test("are scaled against the version that was read: what somebody else writes meanwhile stays", Effect.fnUntraced(function*(world) {
    const { kube } = world
    yield* kube.create("busy")
    let others = 0
    world.afterRead = Effect.suspend(() => (++others <= 2 ? kube.patch("busy", { spec: { maxReplicas: 4 + others } }) : Effect.void))
    const scaled = yield* PoolRegistry.use((registry) => registry.scale("busy", 3))
    assert.deepInclude(scaled.spec, { replicas: 3, maxReplicas: 6 })
    assert.deepInclude(yield* kube.spec("busy"), { replicas: 3, maxReplicas: 6 })
  }))

  test("that somebody else writes all the time are given up for now: 503", Effect.fnUntraced(function*(world) {
    const { kube } = world
    yield* kube.create("busy")
    yield* known(["busy"])
    let replicas = 0
    world.afterRead = Effect.suspend(() => kube.patch("busy", { spec: { maxReplicas: 10 + replicas++ } }))
    const { detail, status } = yield* refused("busy", 3)
    assert.strictEqual(status, 503)
    assert.include(detail, "conflict")
  }))

  test("have a ceiling, which a request may raise up to the gateway's own", Effect.fnUntraced(function*({ kube }) {
    yield* kube.create("small")
    yield* known(["small"])
    const scaled = yield* PoolRegistry.use((registry) => registry.scale("small", 8))
    assert.deepInclude(scaled.spec, { replicas: 8, maxReplicas: 8 })
    assert.strictEqual((yield* refused("small", 9)).status, 400)
    assert.deepInclude(yield* kube.spec("small"), { replicas: 8, maxReplicas: 8 })
  }))

  test("cannot be scaled while the API server is away: 503, to be tried again", Effect.fnUntraced(function*({ kube, server }) {
    yield* kube.create("away")
    yield* known(["away"])
    server.faults.request = () => "reset"
    const { headers, status } = yield* refused("away", 1)
    assert.strictEqual(status, 503)
    assert.property(headers, "Retry-After")
    // What was known stays known: jobs go on.
    yield* known(["away"])
  }))

  test("that went meanwhile are not found", Effect.fnUntraced(function*(world) {
    const { kube } = world
    for (const name of ["goes", "stays"]) yield* kube.create(name)
    yield* known(["goes", "stays"])
    world.afterRead = kube.remove("goes")
    const { detail, status } = yield* refused("goes", 1)
    assert.strictEqual(status, 404)
    assert.include(detail, "the pools are: stays")
  }))

  test("whose rules forbid it are refused in the rules' words, at once: 400", Effect.fnUntraced(function*({ kube, server }) {
    yield* kube.create("ruled")
    yield* known(["ruled"])
    let writes = 0
    server.faults.request = (request) => {
      if (!isWrite(request)) return undefined
      writes += 1
      return answer(422, "Invalid", "GpuPool \"ruled\" is invalid: at night there is one replica at most")
    }
    const { detail, status } = yield* refused("ruled", 2)
    assert.strictEqual(status, 400)
    assert.include(detail, "at night there is one replica at most")
    assert.strictEqual(writes, 1)
  }))

  test("that this gateway may not change say which right is missing: 500", Effect.fnUntraced(function*({ kube, server }) {
    yield* kube.create("locked")
    yield* known(["locked"])
    const words = "gpupools.darkroom.dev \"locked\" is forbidden: User \"gateway\" cannot patch resource \"gpupools\""
    server.faults.request = (request) => (isWrite(request) ? answer(403, "Forbidden", words) : undefined)
    const { detail, status } = yield* refused("locked", 2)
    assert.strictEqual(status, 500)
    assert.include(detail, words)
    assert.include(detail, "verbs get and patch on gpupools.darkroom.dev")
  }))
})
