import { Effect, Random } from "effect"
import { readFileSync } from "node:fs"
import sharp from "sharp"
import { jobSubjects, eventsStream } from "../../src/contract/subjects.ts"
import { poolLabel } from "../../src/operator/fleet/podNames.ts"
import { type Gateway, makePool, poolOf, type Site, startGateway, until } from "./site.ts"

/**
 * From a job that is accepted to the Pod that is created for it, of pools at zero. Times are those of the two servers, on one
 * clock: when the broker stored the job's `queued` event, and when the API server had answered the Pod's creation.
 * There are no nodes; the pods stay Pending, and go when the job is cancelled.
 */

export interface WakeSample {
  readonly pool: string
  /** Milliseconds. */
  readonly storedToPod: number
  readonly postToStored: number
  readonly postToPod: number
  readonly postToAnswer: number
}

/** Pools take turns, so that one is back at zero before its turn comes. */
const poolCount = 10
const warmUps = 10
/** Not in step with the operator's regular looks. */
const pauseMs = { least: 150, most: 450 }

const photo = Effect.promise(async () => {
  const astronaut = readFileSync(new URL("../../examples/astronaut.png", import.meta.url))
  return (await sharp(astronaut).jpeg({ quality: 92 }).toBuffer()).toString("base64")
})

const ask = ({ key, url }: Gateway, path: string, body?: object) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": key, prefer: "respond-async" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const answered = await response.json() as { readonly job_id?: string; readonly detail?: string }
    if (response.status > 299) throw new Error(`invalid run: ${path} answered ${response.status}: ${answered.detail}`)
    return answered.job_id ?? ""
  })

const podsOf = (site: Site, pool: string) =>
  Effect.map(site.pods.all, (all) => all.filter(({ metadata }) => metadata.labels?.[poolLabel] === pool))

const isAtZero = (site: Site, pool: string) =>
  Effect.gen(function*() {
    const status = (yield* poolOf(site, pool))?.status
    return (yield* podsOf(site, pool)).length === 0 && status?.state === "SCALED_TO_ZERO" && status.queue.depth === 0 &&
      status.lanesReadyFor.length > 0
  })

/** When the broker had the job. */
const storedAt = ({ connection }: Site, job: string) =>
  Effect.promise(async () => {
    const message = await connection.jsm.streams.getMessage(eventsStream, { last_by_subj: jobSubjects(job).replace(".>", ".queued.>") })
    if (message === null) throw new Error(`invalid run: the log has no queued event of ${job}`)
    return message.time.getTime()
  })

const wake = Effect.fnUntraced(function*(site: Site, gateway: Gateway, pool: string, image: string) {
  yield* until(`${pool} at zero`, site.operator, isAtZero(site, pool))
  const sent = Date.now()
  const job = yield* ask(gateway, "/api/edit", { image, prompt: "steps=1 ms=0", model: pool, seed: sent % 2 ** 32 })
  const answered = Date.now()
  yield* until(`a pod of ${pool}`, site.operator, Effect.map(podsOf(site, pool), (found) => found.length > 0))
  const stored = yield* storedAt(site, job)
  yield* ask(gateway, `/api/job/${job}/cancel`)
  return { pool, sent, answered, stored }
})

type Woken = Effect.Success<ReturnType<typeof wake>>

const sampleOf = (site: Site, { answered, pool, sent, stored }: Woken): WakeSample => {
  const created = site.audit.calls().find(({ at, code, name, resource, verb }) =>
    verb === "create" && resource === "pods" && code === 201 && at >= sent && name.startsWith(`${pool}-`))
  if (created === undefined) throw new Error(`invalid run: the audit log has no creation of a pod of ${pool}`)
  return { pool, storedToPod: created.at - stored, postToStored: stored - sent, postToPod: created.at - sent, postToAnswer: answered - sent }
}

export const measureWakes = Effect.fnUntraced(function*(site: Site, samples: number) {
  const image = yield* photo
  const names = Array.from({ length: poolCount }, (_, index) => `wake-${index}x`)
  // A model of its own is what leads a job to its pool.
  yield* Effect.forEach(names, (name) => makePool(site, name, { models: [name], maxReplicas: 1, scaling: { cooldown: "1s" } }))
  const gateway = yield* startGateway(site)
  const woken: Array<Woken> = []
  for (let turn = 0; turn < warmUps + samples; turn++) {
    const one = yield* wake(site, gateway, names[turn % poolCount]!, image)
    if (turn >= warmUps) woken.push(one)
    yield* Effect.sleep(yield* Random.nextIntBetween(pauseMs.least, pauseMs.most))
  }
  return woken.map((one) => sampleOf(site, one))
})
