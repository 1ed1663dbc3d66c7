import { assert, beforeAll, describe, it } from "vitest"
import { kubectl, kubectlJson, until } from "./support/cluster.ts"
import { astronaut, Gateway } from "./support/gateway.ts"
import { cpuPool, createPool, deletePool, getPool, livePods, podsUntil } from "./support/pools.ts"

/**
 * Proves that `kubectl apply` of a GpuPool is enough: a photo sent through the Ingress comes back edited by an agent pod that
 * did not exist before, and when the work is done the pods are gone again. Every pod is an image built from this repository,
 * run by a kubelet.
 */

/** The pool that /api/edit goes to (DEFAULT_EDIT_POOL of manifests/overlays/kind). */
const pool = "starter"
/** Longer than two cores that do other things, too, take for what the tests look at while the pod is there. */
const cooldown = "15s"
const coldStartLimitMs = 90_000
const cooldownLimitMs = 60_000

let gateway: Gateway
beforeAll(async () => {
  gateway = await Gateway.connect()
  // The overlay brings one; this test makes its own from nothing, and leaves it.
  await deletePool(pool)
})

const sizeOf = (png: Buffer) => ({ width: png.readUInt32BE(16), height: png.readUInt32BE(20) })

describe("a pool, a photo, and back to zero", () => {
  it("is refused with 503 while no pool serves the model", async () => {
    const answer = await until("the gateways knowing of no pool", async () => {
      const answer = await gateway.edit("make it brighter")
      return answer.status === 503 ? answer : undefined
    }, 30_000)
    assert.match(answer.headers.get("content-type") ?? "", /problem\+json/)
  })

  it("takes jobs soon after kubectl apply", () => createPool(gateway, cpuPool(pool, { scaling: { cooldown } })))

  it("has no pods while there is no work", async () => {
    assert.deepStrictEqual(await livePods(pool), [])
    const { body } = await gateway.queue(pool)
    assert.strictEqual(body.gpu.status, "SCALED_TO_ZERO")
  })

  it("edits a real photo that is sent through the Ingress", async () => {
    const [answer, pod] = await Promise.all([
      gateway.edit("make the orange suit blue"),
      until("the first pod", async () => (await livePods(pool))[0], coldStartLimitMs)
    ])
    assert.strictEqual(answer.status, 200, JSON.stringify(answer.body).slice(0, 500))
    assert.strictEqual(answer.body.status, "completed")
    const edited = Buffer.from(answer.body.output_b64, "base64")
    assert.strictEqual(edited.subarray(1, 4).toString(), "PNG")
    assert.deepStrictEqual(sizeOf(edited), sizeOf(astronaut()))
    assert.isFalse(edited.equals(astronaut()))
    const { metadata, spec } = await kubectlJson("get", "pod", pod.metadata.name)
    assert.match(spec.nodeName ?? "", /./)
    assert.strictEqual(metadata.ownerReferences?.[0]?.kind, "GpuPool")
  })

  it("says how long the cold start took, in status and in columns", async () => {
    const status = await until("the cold start in the pool's status", async () => {
      const { status } = await getPool(pool)
      return status?.coldStart?.readyMs > 0 ? status : undefined
    }, 20_000)
    assert.isBelow(status.coldStart.readyMs, coldStartLimitMs)
    const [header] = (await kubectl(["get", "gpool", pool])).split("\n")
    assert.match(header ?? "", /NAME +DESIRED +READY +BUSY +QUEUE +STATE +AGE/)
  })

  it("goes back to zero after the cooldown", async () => {
    await podsUntil(pool, 0, cooldownLimitMs)
    await until("SCALED_TO_ZERO", async () => ((await getPool(pool)).status.state === "SCALED_TO_ZERO" ? true : undefined), 20_000)
    const { body } = await gateway.queue(pool)
    assert.strictEqual(body.gpu.active_replicas, 0)
  })
})
