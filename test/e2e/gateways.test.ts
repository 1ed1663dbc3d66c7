import { randomUUID } from "node:crypto"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { kubectl, sleep, until } from "./support/cluster.ts"
import { podNamesOf, untilWhole } from "./support/faults.ts"
import { Gateway } from "./support/gateway.ts"
import { assertDoneOnce, tinyPhoto, untilEnded } from "./support/load.ts"
import { createPool, deletePool, noopPool, podsUntil } from "./support/pools.ts"
import { watchReadiness } from "./support/podWatch.ts"

/**
 * Proves that gateways can be replaced under load and no client notices: during a rolling restart every edit that waits for its
 * image gets it (200), also those that outlast the time in which endpoints are removed, and every edit that does not wait is
 * accepted (202); at the first try, and each job is done once.
 */

const pool = "fronted"
const agents = 3
const limitMs = 240_000
const submitEveryMs = 1_000
/** New connections all the time, so that the moment in which a gateway has gone and is still named does not pass unseen. */
const knockEveryMs = 30
const beforeAndAfterMs = 2_000
/** Of clients that wait: some jobs are longer than a gateway's preStop, so that it must finish them after SIGTERM. */
const prompts = ["steps=2 ms=250", "steps=8 ms=1000", "steps=8 ms=1000"]
/** A restart is judged only when the broker and the gateways that stay were well; on a busy machine they may not be. */
const restartsMax = 3

let gateway: Gateway
beforeAll(async () => {
  gateway = await Gateway.connect()
  await untilWhole("statefulset", "nats", limitMs)
  await createPool(gateway, noopPool(pool, { maxReplicas: agents, replicas: agents }))
  await podsUntil(pool, agents, limitMs)
})
afterAll(async () => {
  await untilWhole("deployment", "gateway", limitMs)
  await deletePool(pool)
})

interface Try {
  readonly status: number
  readonly jobId: string | undefined
  readonly said: string
}

/** One try, as a client makes it that does not know what a retry is. */
const edit = async (prompt: string, headers: Record<string, string> = {}): Promise<Try> => {
  try {
    const { body, status } = await gateway.send("/api/edit", {
      headers: { "idempotency-key": randomUUID(), ...headers },
      json: { image: tinyPhoto, prompt, model: "noop" }
    })
    return { status, jobId: body.job_id, said: JSON.stringify(body).slice(0, 300) }
  } catch (error) {
    return { status: 0, jobId: undefined, said: error instanceof Error ? `${error.message}: ${String(error.cause)}` : String(error) }
  }
}

interface Outcome {
  readonly waited: ReadonlyArray<Try>
  readonly submitted: ReadonlyArray<Try>
  /** Requests that ask for nothing. */
  readonly knocked: ReadonlyArray<Try>
}

const knock = async (): Promise<Try> => {
  try {
    const { body, status } = await gateway.send("/livez")
    return { status, jobId: undefined, said: JSON.stringify(body).slice(0, 300) }
  } catch (error) {
    return { status: 0, jobId: undefined, said: String(error) }
  }
}

/** All kinds of clients, until they are stopped: what each of their requests got. */
const startLoad = () => {
  const state = { going: true }
  const waited: Array<Try> = []
  const submitted: Array<Promise<Try>> = []
  const clientThatWaits = async (prompt: string) => {
    while (state.going) waited.push(await edit(prompt))
  }
  const submits = async () => {
    while (state.going) {
      submitted.push(edit("steps=1 ms=100", { prefer: "respond-async" }))
      await sleep(submitEveryMs)
    }
  }
  const knocked: Array<Promise<Try>> = []
  const knocks = async () => {
    while (state.going) {
      knocked.push(knock())
      await sleep(knockEveryMs)
    }
  }
  const clients = Promise.all([submits(), knocks(), ...prompts.map(clientThatWaits)])
  return {
    stop: async (): Promise<Outcome> => {
      state.going = false
      await clients
      return { waited, submitted: await Promise.all(submitted), knocked: await Promise.all(knocked) }
    }
  }
}

const restart = async () => {
  const old = await podNamesOf("darkroom-gateway")
  await kubectl(["rollout", "restart", "deployment", "gateway"])
  await untilWhole("deployment", "gateway", limitMs)
  await until("the old gateways gone", async () => {
    const names = (await kubectl(["get", "pods", "-o", "name"])).split("\n")
    return old.some((name) => names.includes(`pod/${name}`)) ? undefined : true
  }, limitMs)
}

const others = (tries: ReadonlyArray<Try>, wanted: number): ReadonlyArray<Try> => tries.filter(({ status }) => status !== wanted)

/** What clients got while all gateways were replaced; nothing when broker or gateways were unwell for reasons of their own. */
const restartUnderLoad = async (): Promise<Outcome | undefined> => {
  const readiness = watchReadiness("darkroom-gateway")
  const load = startLoad()
  let outcome: Outcome
  try {
    await sleep(beforeAndAfterMs)
    await restart()
    await sleep(beforeAndAfterMs)
  } finally {
    outcome = await load.stop()
    readiness.stop()
  }
  const tries = [...outcome.waited, ...outcome.submitted]
  // Whatever else happened, a job that was accepted ends.
  await untilEnded(gateway, tries.flatMap(({ jobId }) => jobId ?? []), limitMs)
  const wasWell = readiness.lost().length === 0 && !tries.some(({ said }) => said.includes("#unavailable"))
  return wasWell ? outcome : undefined
}

describe("gateways replaced under load", () => {
  it("no request is lost, and none has to be made again", async () => {
    let outcome: Outcome | undefined
    for (let restarts = 0; outcome === undefined; restarts++) {
      assert.isBelow(restarts, restartsMax, "broker and gateways were unwell each time, so nothing can be said: is the machine too busy?")
      outcome = await restartUnderLoad()
    }
    const { knocked, submitted, waited } = outcome
    assert.deepStrictEqual(others(knocked, 200), [], `of ${knocked.length} that knocked`)
    assert.deepStrictEqual(others(waited, 200), [], `of ${waited.length} that waited`)
    assert.deepStrictEqual(others(submitted, 202), [], `of ${submitted.length} that did not wait`)
    const ids = [...waited, ...submitted].map(({ jobId }) => jobId ?? "")
    assert.strictEqual(new Set(ids).size, waited.length + submitted.length)
    await assertDoneOnce(gateway, ids)
  }, restartsMax * limitMs)
})
