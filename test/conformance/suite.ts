import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Fiber, type Layer, Ref, type Scope, Stream } from "effect"
import type { KubeError } from "../../src/platform/kubernetes/errors.ts"
import { KubeClient } from "../../src/platform/kubernetes/KubeClient.ts"
import type { WatchEvent } from "../../src/platform/kubernetes/operations.ts"
import { lead } from "../../src/platform/kubernetes/Leadership.ts"
import { reflect } from "../../src/platform/kubernetes/Reflector.ts"
import { events, gpuPools, leases, type Pod, pods } from "../../src/platform/kubernetes/resources.ts"
import { condition, pod, pool, poolStatus } from "./objects.ts"
import { ServerUnderTest } from "./server.ts"

/**
 * What Darkroom relies on of an API server, told as tests. The in-memory server passes them as the real one does, so that
 * what is tested on it holds.
 */

const refused = <A>(effect: Effect.Effect<A, KubeError>) =>
  Effect.matchEffect(effect, {
    onFailure: (error) => Effect.succeed(error),
    onSuccess: (value) => Effect.die(new Error(`not refused: ${JSON.stringify(value)}`))
  })
const failing = <A>(effect: Effect.Effect<A, KubeError>) => Effect.map(refused(effect), ({ _tag }) => _tag)

const told = (event: WatchEvent<Pod>) => (event.type === "added" || event.type === "modified" || event.type === "deleted" ? [`${event.type} ${event.object.metadata.name}`] : [])

/** Polls, because nothing says when a server is where it will be. */
const eventually = <A, E, R>(what: string, look: Effect.Effect<A, E, R>, is: (value: A) => boolean, withinMs = 60_000) =>
  Effect.gen(function*() {
    const deadline = (yield* Clock.currentTimeMillis) + withinMs
    while (true) {
      const value = yield* look
      if (is(value)) return value
      if ((yield* Clock.currentTimeMillis) > deadline) assert.fail(`${what}: still ${JSON.stringify(value)}`)
      yield* Effect.sleep(20)
    }
  })

let namespaces = 0

export const conformance = <E>(name: string, server: Layer.Layer<ServerUnderTest, E>) => {
  layer(server, { timeout: 180_000, excludeTestServices: true })(name, (it) => {
    /** With a client of a namespace of its own. */
    const test = (what: string, run: Effect.Effect<unknown, KubeError, KubeClient | ServerUnderTest | Scope.Scope>) =>
      it.effect(what, () =>
        Effect.gen(function*() {
          const { client } = yield* ServerUnderTest
          namespaces += 1
          yield* Effect.scoped(Effect.provide(run, client(`conformance-${namespaces}`)))
        }), 120_000)

    test("creates once: the second time it exists", Effect.gen(function*() {
      const client = yield* KubeClient
      assert.strictEqual(yield* failing(client.get(gpuPools, "a")), "ApiNotFound")
      const made = yield* client.create(gpuPools, pool("a"))
      assert.notStrictEqual(made.metadata.uid, "")
      assert.strictEqual(made.metadata.generation, 1)
      assert.strictEqual(made.spec.lifecycle.drainTimeout, "900s", "defaults are written by the server")
      assert.strictEqual(yield* failing(client.create(gpuPools, pool("a"))), "ApiExists")
      assert.deepStrictEqual((yield* client.get(gpuPools, "a")).metadata.uid, made.metadata.uid)
    }))

    test("refuses what the schema does not allow, in words", Effect.gen(function*() {
      const client = yield* KubeClient
      const error = yield* refused(client.create(gpuPools, pool("a", { replicas: 9, maxReplicas: 2 })))
      assert.strictEqual(error._tag, "ApiInvalid")
      assert.include(error.message, "replicas")
      assert.strictEqual(yield* failing(client.create(pods, { metadata: { name: "p" }, spec: { containers: [] } })), "ApiInvalid")
    }))

    test("a dry run is answered as the write, and stores nothing", Effect.gen(function*() {
      const client = yield* KubeClient
      assert.strictEqual((yield* client.create(gpuPools, pool("a"), { dryRun: true })).spec.maxReplicas, 4)
      assert.strictEqual(yield* failing(client.get(gpuPools, "a")), "ApiNotFound")
    }))

    test("a patch that names an older version conflicts; one that changes nothing makes no version", Effect.gen(function*() {
      const client = yield* KubeClient
      const first = yield* client.create(gpuPools, pool("a"))
      const named = (resourceVersion: string, replicas: number) =>
        client.patch(gpuPools, "a", { metadata: { resourceVersion }, spec: { replicas } })
      const second = yield* named(first.metadata.resourceVersion, 1)
      assert.strictEqual(second.metadata.generation, 2)
      assert.strictEqual(yield* failing(named(first.metadata.resourceVersion, 2)), "ApiConflict")
      const third = yield* client.patch(gpuPools, "a", { spec: { replicas: 1 } })
      assert.strictEqual(third.metadata.resourceVersion, second.metadata.resourceVersion)
      assert.strictEqual(yield* failing(client.patch(gpuPools, "b", { spec: { replicas: 1 } })), "ApiNotFound")
    }))

    test("applied fields have owners: another's value is a conflict until it is forced", Effect.gen(function*() {
      const client = yield* KubeClient
      const one = yield* client.apply(gpuPools, pool("a"), { fieldManager: "one" })
      const again = yield* client.apply(gpuPools, pool("a"), { fieldManager: "one" })
      assert.strictEqual(again.metadata.resourceVersion, one.metadata.resourceVersion, "the same again changes nothing")
      const other = { metadata: { name: "a" }, spec: { maxReplicas: 5 } }
      const conflict = yield* refused(client.apply(gpuPools, other, { fieldManager: "two" }))
      assert.strictEqual(conflict._tag, "ApiConflict")
      assert.include(conflict.message, "one")
      assert.include(conflict.message, ".spec.maxReplicas")
      const forced = yield* client.apply(gpuPools, other, { fieldManager: "two", force: true })
      assert.strictEqual(forced.spec.maxReplicas, 5)
      assert.deepStrictEqual(forced.spec.models, ["starter"], "what is not applied stays")
      assert.strictEqual(yield* failing(client.apply(gpuPools, pool("a"), { fieldManager: "one" })), "ApiConflict", "it is the other's now")
      const stale = { ...other, metadata: { name: "a", resourceVersion: one.metadata.resourceVersion } }
      assert.strictEqual(yield* failing(client.apply(gpuPools, stale, { fieldManager: "two", force: true })), "ApiConflict")
    }))

    test("a field that is applied no more goes, unless another owns it too", Effect.gen(function*() {
      const client = yield* KubeClient
      const labelled = (labels: Readonly<Record<string, string>>) => ({ ...pool("a"), metadata: { name: "a", labels } })
      yield* client.apply(gpuPools, labelled({ mine: "1", ours: "1" }), { fieldManager: "one" })
      yield* client.apply(gpuPools, labelled({ ours: "1" }), { fieldManager: "two" })
      const left = yield* client.apply(gpuPools, labelled({}), { fieldManager: "one" })
      assert.deepStrictEqual(left.metadata.labels, { ours: "1" })
      yield* client.patch(gpuPools, "a", { metadata: { labels: { ours: "2" } } })
      assert.strictEqual(yield* failing(client.apply(gpuPools, labelled({ ours: "1" }), { fieldManager: "two" })), "ApiConflict", "a patch takes fields over")
    }))

    test("status and spec are written apart, and only the spec counts generations", Effect.gen(function*() {
      const client = yield* KubeClient
      yield* client.create(gpuPools, pool("a"))
      const status = { metadata: { name: "a" }, status: poolStatus("ACTIVE"), spec: { ...pool("a")["spec"] as object, maxReplicas: 9 } }
      const withStatus = yield* client.apply(gpuPools, status, { fieldManager: "operator", subresource: "status", force: true })
      assert.strictEqual(withStatus.status?.state, "ACTIVE")
      assert.strictEqual(withStatus.spec.maxReplicas, 4)
      assert.strictEqual(withStatus.metadata.generation, 1)
      const patched = yield* client.patch(gpuPools, "a", { spec: { replicas: 2 }, status: { state: "UNHEALTHY" } })
      assert.strictEqual(patched.status?.state, "ACTIVE")
      assert.strictEqual(patched.metadata.generation, 2)
    }))

    test("conditions of two managers live side by side", Effect.gen(function*() {
      const client = yield* KubeClient
      yield* client.create(gpuPools, pool("a"))
      yield* client.apply(gpuPools, { metadata: { name: "a" }, status: poolStatus("ACTIVE", [condition("Ready", "True")]) }, {
        fieldManager: "one",
        subresource: "status"
      })
      const second = yield* client.apply(gpuPools, { metadata: { name: "a" }, status: { conditions: [condition("Paused", "False")] } }, {
        fieldManager: "two",
        subresource: "status"
      })
      assert.sameMembers(second.status?.conditions.map(({ type }) => type) ?? [], ["Ready", "Paused"])
    }))

    test("scale changes the replicas and nothing else", Effect.gen(function*() {
      const client = yield* KubeClient
      yield* client.create(gpuPools, pool("a"))
      yield* client.scale(gpuPools, "a", 3)
      assert.strictEqual((yield* client.get(gpuPools, "a")).spec.replicas, 3)
      assert.strictEqual(yield* failing(client.scale(gpuPools, "a", 99)), "ApiInvalid", "the rules hold here too")
      assert.strictEqual(yield* failing(client.scale(gpuPools, "b", 1)), "ApiNotFound")
    }))

    test("a deletion's preconditions name one object in one state", Effect.gen(function*() {
      const client = yield* KubeClient
      const first = yield* client.create(pods, pod("p"))
      assert.strictEqual(first.metadata.generation, 1)
      const changed = yield* client.patch(pods, "p", { metadata: { labels: { a: "1" } } })
      assert.strictEqual(yield* failing(client.delete(pods, "p", { uid: "00000000-0000-0000-0000-000000000000" })), "ApiConflict")
      assert.strictEqual(yield* failing(client.delete(pods, "p", { resourceVersion: first.metadata.resourceVersion })), "ApiConflict")
      yield* client.delete(pods, "p", { uid: first.metadata.uid, resourceVersion: changed.metadata.resourceVersion })
      assert.strictEqual(yield* failing(client.get(pods, "p")), "ApiNotFound", "a pod on no node goes at once")
      assert.strictEqual(yield* failing(client.delete(pods, "p")), "ApiNotFound")
    }))

    test("a pod on a node is marked, and goes when its kubelet says so", Effect.gen(function*() {
      const client = yield* KubeClient
      yield* client.create(pods, pod("p", { spec: { nodeName: "n", terminationGracePeriodSeconds: 60 } }))
      yield* client.delete(pods, "p")
      const marked = yield* client.get(pods, "p")
      assert.notStrictEqual(marked.metadata.deletionTimestamp, undefined)
      assert.strictEqual(marked.metadata.deletionGracePeriodSeconds, 60)
      yield* client.delete(pods, "p", { gracePeriodSeconds: 5 })
      assert.strictEqual((yield* client.get(pods, "p")).metadata.deletionGracePeriodSeconds, 5)
      yield* client.delete(pods, "p", { gracePeriodSeconds: 0 })
      assert.strictEqual(yield* failing(client.get(pods, "p")), "ApiNotFound")
    }))

    test("a finalizer keeps an object until it is taken away; no new ones then", Effect.gen(function*() {
      const client = yield* KubeClient
      const finalizers = ["darkroom.dev/lanes"]
      yield* client.create(gpuPools, { ...pool("a"), metadata: { name: "a", finalizers } })
      yield* client.delete(gpuPools, "a")
      const marked = yield* client.get(gpuPools, "a")
      assert.notStrictEqual(marked.metadata.deletionTimestamp, undefined)
      assert.strictEqual(marked.metadata.generation, 2)
      yield* client.delete(gpuPools, "a")
      assert.strictEqual(yield* failing(client.patch(gpuPools, "a", { metadata: { finalizers: [...finalizers, "darkroom.dev/more"] } })), "ApiInvalid")
      yield* client.patch(gpuPools, "a", { metadata: { finalizers: [] } })
      assert.strictEqual(yield* failing(client.get(gpuPools, "a")), "ApiNotFound")
    }))

    test("a finalizer that is applied no more is taken away", Effect.gen(function*() {
      const client = yield* KubeClient
      const own = (finalizers: ReadonlyArray<string>) => ({ metadata: { name: "a", finalizers } })
      yield* client.create(gpuPools, pool("a"))
      yield* client.apply(gpuPools, own(["darkroom.dev/lanes"]), { fieldManager: "operator" })
      yield* client.delete(gpuPools, "a")
      yield* client.get(gpuPools, "a")
      yield* Effect.ignore(client.apply(gpuPools, own([]), { fieldManager: "operator" }))
      assert.strictEqual(yield* failing(client.get(gpuPools, "a")), "ApiNotFound")
    }))

    test("lists come in pages of one moment, and by label", Effect.gen(function*() {
      const client = yield* KubeClient
      for (const name of ["a", "b", "c", "d", "e"]) yield* client.create(pods, pod(name, { labels: { odd: String("ace".includes(name)), n: name } }))
      const first = yield* client.list(pods, { limit: 2 })
      yield* client.create(pods, pod("f"))
      yield* client.delete(pods, "e")
      const second = yield* client.list(pods, { limit: 2, continue: first.continue ?? "" })
      const third = yield* client.list(pods, { limit: 2, continue: second.continue ?? "" })
      assert.deepStrictEqual([first, second, third].flatMap(({ items }) => items.map(({ metadata }) => metadata.name)), ["a", "b", "c", "d", "e"])
      assert.strictEqual(third.continue, undefined)
      assert.strictEqual(third.resourceVersion, first.resourceVersion)
      const names = (labelSelector: string) => Effect.map(client.list(pods, { labelSelector }), ({ items }) => items.map(({ metadata }) => metadata.name).join(""))
      assert.strictEqual(yield* names("odd=true"), "ac")
      assert.strictEqual(yield* names("odd!=true"), "bdf")
      assert.strictEqual(yield* names("n in (a, d),odd"), "ad")
      assert.strictEqual(yield* names("n notin (a,b)"), "cdf")
      assert.strictEqual(yield* names("!odd"), "f")
    }))

    test("a watch tells every change after its version, in order; for a selector, what stops matching is deleted", Effect.gen(function*() {
      const client = yield* KubeClient
      const first = yield* client.create(pods, pod("a", { labels: { pool: "x" } }))
      const { resourceVersion } = yield* client.list(pods)
      yield* client.create(pods, pod("b", { labels: { pool: "x" } }))
      const options = { resourceVersion, timeoutSeconds: 30 }
      const all = yield* Effect.forkChild(Stream.runCollect(Stream.take(client.watch(pods, options), 8)))
      const some = yield* Effect.forkChild(Stream.runCollect(Stream.take(client.watch(pods, { ...options, labelSelector: "pool=x" }), 5)))
      const relabelled = yield* client.patch(pods, "a", { metadata: { labels: { pool: "y" } } })
      yield* client.patch(pods, "a", { metadata: { labels: { pool: "z" } } })
      yield* client.delete(pods, "a")
      yield* client.delete(pods, "b")
      const seen = yield* Fiber.join(all)
      assert.strictEqual(seen[0]?.type, "opened")
      assert.deepStrictEqual(seen.flatMap(told), [
        "added b",
        "modified a",
        "modified a",
        "modified a",
        "deleted a",
        "modified b",
        "deleted b"
      ], "a pod is marked before it goes, even when it goes at once")
      const versions = seen.flatMap((event) => ("object" in event ? [BigInt(event.object.metadata.resourceVersion)] : []))
      assert.deepStrictEqual(versions, [...versions].sort((left, right) => (left < right ? -1 : 1)))
      assert.notStrictEqual(new Set(versions).size, 1)
      const selected = yield* Fiber.join(some)
      assert.deepStrictEqual(selected.flatMap(told), ["added b", "deleted a", "modified b", "deleted b"])
      const gone = selected[2]
      assert.strictEqual(gone !== undefined && "object" in gone && gone.object.metadata.resourceVersion, relabelled.metadata.resourceVersion)
      assert.strictEqual(first.metadata.uid, gone !== undefined && "object" in gone ? gone.object.metadata.uid : "")
    }))

    test("a watch ends when its time is over, without a failure", Effect.gen(function*() {
      const client = yield* KubeClient
      const { resourceVersion } = yield* client.list(pods)
      const seen = yield* Stream.runCollect(client.watch(pods, { resourceVersion, timeoutSeconds: 1 }))
      assert.strictEqual(seen[0]?.type, "opened")
    }))

    test("a watch from the future tells nothing until then", Effect.gen(function*() {
      const client = yield* KubeClient
      const { resourceVersion } = yield* client.list(pods)
      const future = String(BigInt(resourceVersion) + 1_000_000n)
      const watching = yield* Effect.forkChild(Stream.runCollect(client.watch(pods, { resourceVersion: future, timeoutSeconds: 2 })))
      yield* client.create(pods, pod("a"))
      assert.deepStrictEqual((yield* Fiber.join(watching)).flatMap(told), [])
    }))

    test("after a compaction, older versions and pages are gone", Effect.gen(function*() {
      const client = yield* KubeClient
      const { compact } = yield* ServerUnderTest
      for (const name of ["a", "b", "c"]) yield* client.create(pods, pod(name))
      const page = yield* client.list(pods, { limit: 1 })
      for (const name of ["d", "e", "f"]) yield* client.create(pods, pod(name))
      yield* compact
      const watching = client.watch(pods, { resourceVersion: page.resourceVersion, timeoutSeconds: 30 })
      assert.strictEqual((yield* refused(Stream.runDrain(watching)))._tag, "ApiGone")
      assert.strictEqual(yield* failing(client.list(pods, { limit: 1, continue: page.continue ?? "" })), "ApiGone")
    }))

    test("leases keep microseconds and events count", Effect.gen(function*() {
      const client = yield* KubeClient
      const spec = { holderIdentity: "a", leaseDurationSeconds: 15, renewTime: "2026-11-21T12:00:00.123000Z", acquireTime: "2026-11-21T12:00:00.123000Z", leaseTransitions: 0 }
      const lease = yield* client.create(leases, { metadata: { name: "l" }, spec })
      assert.strictEqual(lease.spec?.renewTime, spec.renewTime)
      const at = "2026-11-21T12:00:00Z"
      yield* client.create(events, {
        metadata: { name: "e" },
        involvedObject: { kind: "Pod", name: "p", namespace: client.namespace },
        reason: "Made",
        message: "made it",
        type: "Normal",
        count: 1,
        firstTimestamp: at,
        lastTimestamp: at
      })
      assert.strictEqual((yield* client.patch(events, "e", { count: 2 })).count, 2)
    }))

    test("a reflector follows through a restart and a compaction", Effect.gen(function*() {
      const client = yield* KubeClient
      const { compact, restart } = yield* ServerUnderTest
      yield* client.create(pods, pod("a"))
      const reflector = yield* reflect(pods, { pageObjects: 2, labelSelector: "!other" })
      const names = Effect.map(reflector.all, (all) => all.map(({ metadata }) => metadata.name).sort().join(""))
      const seen = yield* Ref.make("")
      yield* reflector.changes.pipe(
        Stream.runForEach(({ object, type }) => Ref.update(seen, (before) => `${before} ${type}:${object.metadata.name}`)),
        Effect.forkScoped
      )
      assert.strictEqual(yield* names, "a")
      for (const name of ["b", "c", "d"]) yield* client.create(pods, pod(name))
      yield* eventually("created", names, (found) => found === "abcd")
      yield* restart
      yield* client.delete(pods, "b")
      yield* eventually("deleted after a restart", names, (found) => found === "acd")
      yield* compact
      yield* client.delete(pods, "c")
      yield* client.create(pods, pod("e"))
      yield* eventually("after a compaction", names, (found) => found === "ade")
      const changes = yield* eventually("told", Ref.get(seen), (text) => text.includes("added:e") && text.includes("deleted:c"))
      assert.include(changes, "deleted:b")
    }))

    test("of two candidates one works at a time; the next takes over when the first ends", Effect.gen(function*() {
      const working = yield* Ref.make<ReadonlyArray<string>>([])
      const most = yield* Ref.make(0)
      const work = (who: string) =>
        Effect.acquireUseRelease(
          Effect.flatMap(Ref.updateAndGet(working, (all) => [...all, who]), (all) => Ref.update(most, (before) => Math.max(before, all.length))),
          () => Effect.never,
          () => Ref.update(working, (all) => all.filter((each) => each !== who))
        )
      const candidate = (who: string) =>
        Effect.forkChild(lead({ name: "operator", identity: who, leaseSeconds: 6, renewWithinSeconds: 4, retrySeconds: 0.2 }, work(who)))
      const one = yield* candidate("one")
      yield* eventually("one leads", Ref.get(working), (all) => all.includes("one"))
      const two = yield* candidate("two")
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(yield* Ref.get(working), ["one"])
      yield* Fiber.interrupt(one)
      yield* eventually("two leads", Ref.get(working), (all) => all.includes("two"))
      yield* Fiber.interrupt(two)
      assert.strictEqual(yield* Ref.get(most), 1)
    }))
  })
}
