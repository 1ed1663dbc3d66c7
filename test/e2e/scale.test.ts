import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { kubectl, tryKubectl, until } from "./support/cluster.ts"
import { Gateway } from "./support/gateway.ts"
import { cpuPool, createPool, deletePool, getPool, poolOf, podsUntil } from "./support/pools.ts"

/**
 * Proves that the floor of a pool is one number with three doors: `POST /api/gpu/scale`, `kubectl scale` and `spec.replicas` move
 * the same field and the same pods; and that the API server itself refuses a spec that makes no sense, in words that say why.
 */

const pool = "scale"
const podLimitMs = 180_000

let gateway: Gateway
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, cpuPool(pool))
})
afterAll(() => deletePool(pool))

const scale = (replicas: number) => gateway.send(`/api/gpu/scale?pool=${pool}&replicas=${replicas}`, { method: "POST" })
const floor = async () => (await getPool(pool)).spec.replicas

describe("the floor of a pool", () => {
  it("/api/gpu/scale is spec.replicas, and pods follow it", async () => {
    const answer = await scale(1)
    assert.strictEqual(answer.status, 200, JSON.stringify(answer.body))
    assert.deepStrictEqual(answer.body, { status: "scaled", min_replicas: 1, max_replicas: 2 })
    assert.strictEqual(await floor(), 1)
    await podsUntil(pool, 1, podLimitMs)
    await until("a ready replica in /api/queue", async () => {
      const { body } = await gateway.queue(pool)
      return body.gpu.active_replicas === 1 && body.gpu.status === "ACTIVE" ? true : undefined
    }, podLimitMs)
  })

  it("kubectl scale is /api/gpu/scale, and lowering the floor needs no cooldown to pass", async () => {
    await kubectl(["scale", "gpool", pool, "--replicas=0"])
    await until("the floor in the gateway", async () => ((await gateway.queue(pool)).body.gpu.min_replicas === 0 ? true : undefined), 20_000)
    await podsUntil(pool, 0, podLimitMs)
    const { status } = await getPool(pool)
    assert.match(status.selector, new RegExp(`darkroom\\.dev/pool=${pool}`))
  })

  it("raises maxReplicas when asked for more, up to the configured ceiling and not above", async () => {
    const raised = await scale(3)
    assert.strictEqual(raised.status, 200, JSON.stringify(raised.body))
    assert.strictEqual((await getPool(pool)).spec.maxReplicas, 3)
    const above = await scale(10_000)
    assert.strictEqual(above.status, 400)
    assert.match(JSON.stringify(above.body), /POOL_MAX_REPLICAS_CEILING/)
    assert.strictEqual(await floor(), 3)
    await scale(0)
    await podsUntil(pool, 0, podLimitMs)
  })

  it("an unknown key scales nothing", async () => {
    const answer = await gateway.send(`/api/gpu/scale?pool=${pool}&replicas=1`, { method: "POST", key: "nobody" })
    assert.strictEqual(answer.status, 401)
    assert.strictEqual(await floor(), 0)
  })
})

describe("a spec that makes no sense is refused", () => {
  const refusals: ReadonlyArray<readonly [what: string, spec: object, words: RegExp]> = [
    ["more replicas than maxReplicas", { models: ["starter"], replicas: 3, maxReplicas: 2 }, /replicas must not exceed maxReplicas/],
    ["no models", { models: [] }, /spec\.models/],
    ["a cooldown that is no duration", { models: ["starter"], scaling: { cooldown: "soon" } }, /must be a duration such as 90s, 15m or 1h30m/],
    ["a negative number of replicas", { models: ["starter"], replicas: -1 }, /spec\.replicas/],
    ["an unknown mode", { models: ["starter"], scaling: { mode: "Magic" } }, /supported values: "Queue", "External"/],
    ["a fallback in mode External", { models: ["starter"], scaling: { mode: "External", fallback: { afterFailures: 3, replicas: 1 } } }, /fallback is for mode Queue/],
    ["a model cache without its claim", { models: ["starter"], modelCache: { type: "PersistentVolumeClaim" } }, /claimName is needed for a PersistentVolumeClaim/]
  ]

  it.each(refusals)("%s", async (_, spec, words) => {
    const refused = await tryKubectl(["apply", "--dry-run=server", "-f", "-"], JSON.stringify(poolOf("nonsense", spec)))
    assert.notStrictEqual(refused.code, 0, refused.stdout)
    assert.match(refused.stderr, words)
  })

  it("kubectl scale above maxReplicas", async () => {
    const refused = await tryKubectl(["scale", "gpool", pool, "--replicas=100"])
    assert.notStrictEqual(refused.code, 0)
    assert.match(refused.stderr, /replicas must not exceed maxReplicas/)
    assert.strictEqual(await floor(), 0)
  })
})
