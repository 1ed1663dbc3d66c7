import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { untilAtWork, untilReady } from "./support/agents.ts"
import { until } from "./support/cluster.ts"
import { Gateway } from "./support/gateway.ts"
import { assertDoneOnce, statusOf, submit, submitMany, submitting, untilEnded } from "./support/load.ts"
import { type PodWatch, watchPods } from "./support/podWatch.ts"
import { createPool, deletePool, getPool, livePods, noopPool, patchPool } from "./support/pools.ts"

/**
 * Proves that a change of a pool's template reaches every pod while work goes on, also where there is no room for more pods: one
 * after the other, idle pods first, a busy one when its job is done, and no job is lost or begun twice. A template that cannot run
 * costs one pod, the others serve on, and taking it back is enough.
 */

const pool = "rolling"
const replicas = 3
const image = "darkroom.test/agent-test:e2e"
const startLimitMs = 180_000
const rollLimitMs = 240_000
const workLimitMs = 180_000

let gateway: Gateway
let watch: PodWatch
beforeAll(async () => {
  gateway = await Gateway.connect()
  await createPool(gateway, noopPool(pool, { replicas, maxReplicas: replicas, ...templateOf("first") }))
  watch = watchPods(pool)
  await untilReady(pool, replicas, startLimitMs)
})
afterAll(async () => {
  watch?.stop()
  await deletePool(pool)
})

const templateOf = (release: string, of = image) => ({
  template: {
    metadata: { annotations: { "example.com/release": release } },
    spec: { containers: [{ name: "agent", image: of, env: [{ name: "RELEASE", value: release }] }] }
  }
})
const isOf = (release: string) => ({ metadata, spec }: any): boolean =>
  metadata.annotations["example.com/release"] === release &&
  spec.containers[0].env.some(({ name, value }: any) => name === "RELEASE" && value === release)
const isReady = ({ status }: any): boolean => status.conditions?.some(({ status, type }: any) => type === "Ready" && status === "True") === true

const untilAllAre = (release: string) =>
  until(`all pods of release ${release}`, async () => {
    const pods = await livePods(pool)
    return pods.length >= replicas && pods.every(isOf(release)) && pods.every(isReady) ? pods : undefined
  }, rollLimitMs)

describe("a change of the template under load", () => {
  it("replaces all pods, the busy one last in its own time, and every job is done once", async () => {
    const long = await submit(gateway, "steps=40 ms=500")
    const busy = (await untilAtWork(pool, [long], workLimitMs)).get(long)
    const before = (await livePods(pool)).map(({ metadata }) => metadata.name)
    const load = submitting(gateway, 1_000, "steps=2 ms=100")
    await patchPool(pool, templateOf("second"))

    const pods = await untilAllAre("second")
    const jobs = [long, ...(await load.stop())]
    assert.isAtLeast(jobs.length, replicas)
    assert.strictEqual(new Set(pods.map(({ metadata }) => metadata.labels["darkroom.dev/revision"])).size, 1)
    await untilEnded(gateway, jobs, workLimitMs)
    await assertDoneOnce(gateway, jobs)

    const gone = watch.told().filter(({ pod }) => before.includes(pod))
    assert.strictEqual(gone.length, replicas)
    assert.notStrictEqual(gone[0]?.pod, busy, "the busy pod was the first to go")
    const endedAt = Math.floor(Date.parse((await statusOf(gateway, long)).completed_at) / 1_000) * 1_000
    assert.isAtLeast(gone.find(({ pod }) => pod === busy)!.toldAt, endedAt)
  })

  it("stops at the first pod that cannot start; the others work, and the old template mends it", async () => {
    await patchPool(pool, templateOf("broken", "darkroom.test/there-is-no-such-image:e2e"))
    const degraded = await until("a pool that tells of its image", async () => {
      const { status } = await getPool(pool)
      return status.conditions.find(({ reason, status, type }: any) => type === "Degraded" && status === "True" && /Image/.test(reason))
    }, startLimitMs)
    assert.match(degraded.message, /there-is-no-such-image/)
    const jobs = await submitMany(gateway, 4, "steps=4 ms=500")
    await untilEnded(gateway, jobs, workLimitMs)
    await assertDoneOnce(gateway, jobs)
    const serving = (await livePods(pool)).filter(isOf("second"))
    assert.strictEqual(serving.length, replicas - 1)

    await patchPool(pool, templateOf("second"))
    const mended = (await untilAllAre("second")).map(({ metadata }) => metadata.name)
    for (const { metadata: { name } } of serving) assert.include(mended, name)
  })
})
