import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { kinds } from "../../testing/apiserver/kinds.ts"
import { type MemoryApiServer, makeMemoryApiServer } from "../../testing/MemoryApiServer.ts"
import { KubeClient } from "./KubeClient.ts"
import type { ApiRequest } from "./KubeTransport.ts"
import { reflect, type ReflectorOptions } from "./Reflector.ts"
import { type Pod, pods } from "./resources.ts"

const podKind = kinds.find(({ plural }) => plural === "pods") ?? assert.fail("pods are no kind")

const isWatch = ({ path }: ApiRequest) => path.includes("watch=true")
const isList = (request: ApiRequest) => request.method === "GET" && !isWatch(request)

const draft = (name: string) => ({ metadata: { name, labels: { app: "a" } }, spec: { containers: [{ name: "agent" }] } })

/** A reflector of pods and what it has told; requests are counted from its start. */
const follow = Effect.fnUntraced(function*(server: MemoryApiServer, options: ReflectorOptions = {}) {
  const reflector = yield* reflect(pods, options)
  const told: Array<string> = []
  yield* reflector.changes.pipe(
    Stream.runForEach(({ before, object, type }) =>
      Effect.sync(() => told.push(`${type} ${object.metadata.name}${before === undefined || before.metadata.uid === object.metadata.uid ? "" : " (another)"}`))),
    Effect.forkScoped
  )
  const names = Effect.map(reflector.all, (all) => all.map(({ metadata }) => metadata.name).sort().join(""))
  const count = (is: (request: ApiRequest) => boolean) => server.requests.filter(is).length
  return { ...reflector, told, names, lists: () => count(isList), watches: () => count(isWatch) }
})

/** Lets everything that is due now happen, a few milliseconds of the test's clock at a time. */
const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.andThen(TestClock.adjust(5), Effect.yieldNow), { discard: true })

const test = (what: string, run: (server: MemoryApiServer) => Effect.Effect<void, unknown, KubeClient | Scope.Scope>) =>
  it.effect(what, () => {
    const server = makeMemoryApiServer()
    return run(server).pipe(Effect.provide(KubeClient.over(server.transport)))
  })

const create = (...names: ReadonlyArray<string>) =>
  KubeClient.use((client) => Effect.forEach(names, (name) => client.create(pods, draft(name)), { discard: true }))
const remove = (name: string) => KubeClient.use((client) => client.delete(pods, name))

describe("Reflector", () => {
  test("is asked to list again, and has what no watch has told", (server) =>
    Effect.gen(function*() {
      yield* create("a")
      const { names, refreshed } = yield* follow(server)
      yield* settle
      server.faults.event = () => "drop"
      yield* create("b")
      yield* remove("a")
      assert.strictEqual(yield* names, "a")
      yield* refreshed
      assert.strictEqual(yield* names, "b")
    }))

  test("lists in pages, then watches from there", (server) =>
    Effect.gen(function*() {
      yield* create("a", "b", "c", "d", "e")
      const { lists, names, told, watches } = yield* follow(server, { pageObjects: 2 })
      assert.strictEqual(yield* names, "abcde")
      assert.strictEqual(lists(), 3)
      yield* create("f")
      yield* remove("a")
      yield* settle
      assert.strictEqual(yield* names, "bcdef")
      assert.strictEqual(watches(), 1)
      assert.deepStrictEqual(told.slice(0, 6), ["added a", "added b", "added c", "added d", "added e", "added f"])
      assert.strictEqual(told.at(-1), "deleted a")
    }))

  test("a watch that the server ends is resumed where it was, without a list", (server) =>
    Effect.gen(function*() {
      const { lists, missed, names, watches } = yield* follow(server, { watchSeconds: 300 })
      yield* create("a")
      yield* settle
      yield* TestClock.adjust("11 minutes")
      yield* settle
      assert.isAtLeast(watches(), 2)
      yield* create("b")
      yield* settle
      assert.strictEqual(yield* names, "ab")
      assert.strictEqual(lists(), 1)
      assert.strictEqual(yield* missed, 0)
    }))

  test("bookmarks keep its version young, so that a compaction does not force a list", (server) =>
    Effect.gen(function*() {
      const { lists, watches } = yield* follow(server)
      yield* settle
      yield* KubeClient.use((client) => client.create({ ...pods, plural: "configmaps", kind: "ConfigMap" }, { metadata: { name: "x" } })).pipe(Effect.ignore)
      yield* TestClock.adjust("61 seconds")
      yield* settle
      server.compact()
      for (const each of server.watches) each.reset()
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.strictEqual(watches(), 2)
      assert.strictEqual(lists(), 1)
    }))

  test("410: lists again and tells what the watch could not, by UID", (server) =>
    Effect.gen(function*() {
      yield* create("a", "b", "c")
      const { missed, names, told } = yield* follow(server)
      yield* settle
      server.faults.request = (request) => (isWatch(request) ? { answer: { status: 503 } } : undefined)
      for (const each of server.watches) each.reset()
      yield* settle
      yield* remove("a")
      yield* create("a", "d")
      yield* remove("b")
      yield* create("f")
      yield* remove("f")
      server.compact()
      server.faults.request = () => undefined
      told.length = 0
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.strictEqual(yield* names, "acd")
      assert.sameMembers(told, ["deleted a", "deleted b", "added a", "added d"])
      assert.isBelow(told.indexOf("deleted a"), told.indexOf("added a"))
      assert.strictEqual(yield* missed, 4)
    }))

  test("429 is waited out as long as the server asks", (server) =>
    Effect.gen(function*() {
      let refusals = 0
      server.faults.request = (request) => (isList(request) && refusals++ < 1 ? { answer: { status: 429, retryAfter: "20" } } : undefined)
      const { lists, synced } = yield* follow(server)
      yield* TestClock.adjust("19 seconds")
      yield* settle
      assert.strictEqual(lists(), 1)
      yield* TestClock.adjust("30 seconds")
      yield* synced
      assert.strictEqual(lists(), 2)
    }))

  test("500, reset and lost connections are tried again, slower and slower, for ever", (server) =>
    Effect.gen(function*() {
      yield* create("a")
      let turn = 0
      server.faults.request = () => [{ answer: { status: 500 } }, "reset", { answer: { status: 503, body: "no healthy upstream" } }][turn++ % 3] as "reset"
      const { lists, names } = yield* follow(server)
      yield* TestClock.adjust("10 minutes")
      yield* settle
      // Three tries a list, at most 30 seconds apart, at least 15 in the long run.
      assert.isAbove(lists(), 50)
      assert.isBelow(lists(), 200)
      server.faults.request = () => undefined
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(yield* names, "a")
    }))

  test("a silent connection is given up, and what happened meanwhile is found", (server) =>
    Effect.gen(function*() {
      const { lastContactMs, names } = yield* follow(server, { silenceMs: 90_000 })
      yield* settle
      for (const each of server.watches) each.mute()
      yield* create("a")
      yield* TestClock.adjust("80 seconds")
      yield* settle
      assert.strictEqual(yield* names, "")
      assert.isAtLeast(yield* lastContactMs, 80_000)
      yield* TestClock.adjust("11 seconds")
      yield* settle
      assert.strictEqual(yield* names, "a")
      assert.isBelow(yield* lastContactMs, 2_000)
    }))

  test("what the watch dropped is found by the next list and counted; what it told twice is told once", (server) =>
    Effect.gen(function*() {
      server.faults.event = ({ object, type }) =>
        type === "ADDED" && JSON.stringify(object).includes(`"name":"a"`) ? "drop" : type === "BOOKMARK" ? "deliver" : "twice"
      const { missed, names, told } = yield* follow(server, { relistAfterMs: 60_000 })
      yield* settle
      yield* create("a", "b")
      yield* settle
      assert.strictEqual(yield* names, "b")
      yield* TestClock.adjust("11 minutes")
      yield* settle
      assert.strictEqual(yield* names, "ab")
      assert.strictEqual(yield* missed, 1)
      assert.deepStrictEqual(told, ["added b", "added a"])
    }))

  test("an event that comes late, behind newer ones, changes nothing", (server) =>
    Effect.gen(function*() {
      yield* create("a")
      const label = (value: string) => KubeClient.use((client) => client.patch(pods, "a", { metadata: { labels: { value } } }))
      const { get, names } = yield* follow(server)
      yield* settle
      server.faults.event = ({ object }) => (JSON.stringify(object).includes(`"value":"old"`) ? { delayMs: 1_000 } : "deliver")
      yield* label("old")
      yield* label("new")
      yield* TestClock.adjust("2 seconds")
      yield* settle
      assert.strictEqual((yield* get("default/a"))?.metadata.labels?.["value"], "new")
      yield* label("old")
      server.faults.event = () => "deliver"
      yield* remove("a")
      yield* TestClock.adjust("2 seconds")
      yield* settle
      assert.strictEqual(yield* names, "", "what is deleted stays deleted")
    }))

  test("an object that cannot be read is reported and passed over, and its last good form kept", (server) =>
    Effect.gen(function*() {
      yield* create("a", "bad")
      const { lists, names, undecodable } = yield* follow(server)
      yield* settle
      const broken = (name: string) => {
        const stored = server.store.list(podKind, "default").find(({ object }) => (object as unknown as Pod).metadata.name === name)
        server.store.commit({ kind: podKind, namespace: "default", name }, (resourceVersion) => ({
          ownership: [],
          object: { metadata: { ...(stored?.object["metadata"] as object ?? { name, namespace: "default", uid: "x" }), resourceVersion }, spec: { containers: 5 } }
        }))
      }
      broken("bad")
      broken("worse")
      yield* create("c")
      yield* settle
      assert.strictEqual(yield* names, "abadc", "what it was is kept")
      assert.sameMembers((yield* undecodable).map(({ key }) => key), ["default/bad", "default/worse"])
      server.faults.request = (request) => (isWatch(request) ? "reset" : undefined)
      for (const each of server.watches) each.reset()
      yield* settle
      yield* create("d")
      server.compact()
      server.faults.request = () => undefined
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.strictEqual(lists(), 2)
      assert.strictEqual(yield* names, "abadcd", "a list does not take it for gone either")
      yield* remove("bad")
      yield* settle
      assert.strictEqual(yield* names, "acd")
    }))

  test("a list from before what is known changes nothing", (server) =>
    Effect.gen(function*() {
      yield* create("a")
      const revision = server.store.revision
      yield* create("b")
      const { lists, names, told } = yield* follow(server, { relistAfterMs: 0 })
      yield* settle
      server.faults.request = (request) => (isList(request) ? { asOf: revision } : undefined)
      for (const each of server.watches) each.end()
      const before = lists()
      yield* TestClock.adjust(500)
      yield* settle
      assert.isAbove(lists(), before)
      assert.strictEqual(yield* names, "ab")
      server.faults.request = () => undefined
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.deepStrictEqual(told, ["added a", "added b"])
    }))

  test("a store that was restored to the past is believed after a while", (server) =>
    Effect.gen(function*() {
      yield* create("a")
      const revision = server.store.revision
      yield* create("b")
      const { told } = yield* follow(server)
      yield* settle
      server.faults.request = (request) => (isList(request) ? { asOf: revision } : undefined)
      for (const each of server.watches) each.mute()
      yield* TestClock.adjust("5 minutes")
      yield* settle
      assert.deepStrictEqual(told.slice(0, 3), ["added a", "added b", "deleted b"])
    }))

  test("a server that ends every watch at once is not asked without a pause", (server) =>
    Effect.gen(function*() {
      server.faults.request = (request) => (isWatch(request) ? { answer: { status: 200 } } : undefined)
      const { watches } = yield* follow(server)
      yield* TestClock.adjust("10 minutes")
      yield* settle
      assert.isBelow(watches(), 60)
    }))

  test("who subscribes later is told what is there, then what changes; all() waits for the first list", (server) =>
    Effect.gen(function*() {
      yield* create("a")
      server.faults.request = (request) => (isList(request) ? { delayMs: 1_000 } : undefined)
      const { all, changes } = yield* reflect(pods)
      const early = yield* Effect.forkChild(all)
      yield* TestClock.adjust(500)
      assert.strictEqual(early.pollUnsafe(), undefined)
      yield* TestClock.adjust(1_000)
      assert.lengthOf(yield* Fiber.join(early), 1)
      const later = yield* Effect.forkChild(Stream.runCollect(Stream.take(changes, 2)))
      yield* settle
      yield* create("b")
      yield* settle
      assert.deepStrictEqual((yield* Fiber.join(later)).map(({ object, type }) => `${type} ${object.metadata.name}`), ["added a", "added b"])
    }))

  test("a subscriber may look at everything from the first change on, however many there are", (server) =>
    Effect.gen(function*() {
      // More than wait in the queue and in the hands of the subscriber together.
      const many = 9_000
      for (let index = 0; index < many; index++) {
        const metadata = { name: `p${index}`, namespace: "default", uid: `u${index}` }
        server.store.commit({ kind: podKind, namespace: "default", name: metadata.name }, (resourceVersion) => ({
          ownership: [],
          object: { metadata: { ...metadata, resourceVersion }, spec: { containers: [] } }
        }))
      }
      server.faults.request = (request) => (isList(request) ? { delayMs: 100 } : undefined)
      const { all, changes } = yield* reflect(pods)
      const counts = yield* Effect.forkChild(
        Stream.runCollect(Stream.mapEffect(Stream.take(changes, many), () => Effect.map(all, ({ length }) => length)))
      )
      yield* settle
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual([...new Set(yield* Fiber.join(counts))], [many])
    }))

  test("ends with its scope: no watch stays open", (server) =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(Effect.scoped(Effect.gen(function*() {
        yield* follow(server)
        yield* settle
        assert.strictEqual(server.watches.size, 1)
      })))
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(server.watches.size, 0)
    }))
})
