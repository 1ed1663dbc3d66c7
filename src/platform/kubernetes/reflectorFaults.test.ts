import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { makeMemoryApiServer } from "../../testing/MemoryApiServer.ts"
import { KubeClient } from "./KubeClient.ts"
import { reflect } from "./Reflector.ts"
import { pods } from "./resources.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))

const names = ["a", "b", "c", "d", "e"]

/** One of these; each as likely as the others. */
const pick = <A>(choices: ReadonlyArray<A>) =>
  Effect.map(Random.nextIntBetween(0, choices.length - 1), (index) => choices[index] as A)

/** What a server may do to its clients for a while, and a moment of a namespace's life. */
const story = Effect.gen(function*() {
  const server = makeMemoryApiServer()
  const client = yield* KubeClient.pipe(Effect.provide(KubeClient.over(server.transport)))
  const random = yield* Random.Random
  const chance = (share: number) => random.nextDoubleUnsafe() < share
  const told = new Map<string, { readonly uid: string; readonly version: string }>()
  const gone = new Set<string>()
  const wrong: Array<string> = []

  const { all, changes } = yield* reflect(pods, { pageObjects: 2 }).pipe(Effect.provideService(KubeClient, client))
  yield* changes.pipe(
    Stream.runForEach(({ object, type }) =>
      Effect.sync(() => {
        const { name, resourceVersion: version, uid } = object.metadata
        const known = told.get(name)
        if ((known === undefined) !== (type === "added")) wrong.push(`${name} ${type}, but was ${known === undefined ? "not " : ""}there`)
        if (known !== undefined && known.uid !== uid) wrong.push(`${name} ${type} with another's UID`)
        if (known !== undefined && BigInt(known.version) > BigInt(version)) wrong.push(`${name} ${type} of before`)
        if (gone.has(uid)) wrong.push(`${name} ${type} after it was deleted`)
        if (type === "deleted") gone.add(uid)
        if (type === "deleted") told.delete(name)
        else told.set(name, { uid, version })
      })),
    Effect.forkScoped
  )

  server.faults.request = ({ method }) => {
    if (method !== "GET" || !chance(0.3)) return undefined
    return chance(0.5) ? "reset" : { answer: { status: chance(0.5) ? 500 : 410, body: `{"kind":"Status","reason":"Expired"}` } }
  }
  server.faults.event = () => (chance(0.15) ? "drop" : chance(0.15) ? "twice" : chance(0.15) ? { delayMs: 700 } : "deliver")
  for (let turn = 0; turn < 60; turn++) {
    const name = yield* pick(names)
    const act = yield* pick<Effect.Effect<unknown, unknown>>([
      client.create(pods, { metadata: { name }, spec: { containers: [{ name: "agent" }] } }),
      client.delete(pods, name),
      client.patch(pods, name, { metadata: { labels: { turn: String(turn) } } }),
      Effect.sync(server.compact),
      Effect.sync(() => server.watches.forEach((watch) => watch.reset())),
      Effect.sync(() => server.watches.forEach((watch) => watch.mute()))
    ])
    yield* Effect.ignore(act)
    yield* TestClock.adjust(yield* pick([1, 50, 1_000, 100_000]))
  }

  server.faults.request = () => undefined
  server.faults.event = () => "deliver"
  yield* TestClock.adjust("45 minutes")
  const truth = (yield* client.list(pods)).items.map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`)
  const known = (yield* all).map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`)
  assert.sameMembers(known, truth, "the copy")
  assert.sameMembers([...told].map(([name, { uid, version }]) => `${name} ${uid} ${version}`), truth, "what subscribers were told")
  assert.deepStrictEqual(wrong, [])
})

describe("Reflector under faults", () => {
  it.effect.prop(
    "whatever is dropped, doubled, delayed or broken: in the end the copy is the truth, and every change was told once",
    [Seed],
    ([seed]) => Effect.scoped(Random.withSeed(story, seed)),
    { timeout: 120_000, arbitrary: { runs: 15 } }
  )
})
