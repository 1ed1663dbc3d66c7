import { assert, describe, it } from "@effect/vitest"
import { compareVersions, ObjectCache } from "./objectCache.ts"
import type { KubeObject } from "./resources.ts"

const object = (name: string, uid: string, resourceVersion: string): KubeObject => ({ metadata: { name, namespace: "n", uid, resourceVersion } })

const filled = () => {
  const cache = new ObjectCache<KubeObject>()
  cache.replace({ items: [object("a", "u1", "10")], undecodable: [], resourceVersion: "20" })
  return cache
}

describe("ObjectCache", () => {
  it("a deletion of what is not known, or of an earlier object of that name, says nothing", () => {
    const cache = filled()
    assert.deepStrictEqual(cache.apply({ type: "deleted", object: object("b", "u2", "21") }), [])
    assert.deepStrictEqual(cache.apply({ type: "deleted", object: object("a", "u0", "22") }), [])
    assert.strictEqual(cache.objects.size, 1)
    assert.deepStrictEqual(cache.apply({ type: "deleted", object: object("a", "u1", "23") }).map(({ type }) => type), ["deleted"])
  })

  it("an object that took the name of another is a deletion and an addition, also when only a modification tells", () => {
    const changes = filled().apply({ type: "modified", object: object("a", "u2", "21") })
    assert.deepStrictEqual(changes.map(({ object: { metadata }, type }) => `${type} ${metadata.uid}`), ["deleted u1", "added u2"])
  })

  it("versions are compared as numbers of any length; others not at all", () => {
    assert.strictEqual(compareVersions("9", "10"), -1)
    assert.strictEqual(compareVersions("18446744073709551616", "18446744073709551615"), 1)
    assert.strictEqual(compareVersions("7", "7"), 0)
    assert.strictEqual(compareVersions("7", "abc"), undefined)
  })

  it("without comparable versions every event counts", () => {
    const cache = new ObjectCache<KubeObject>()
    cache.replace({ items: [], undecodable: [], resourceVersion: "x" })
    assert.lengthOf(cache.apply({ type: "added", object: object("a", "u", "y") }), 1)
    assert.lengthOf(cache.apply({ type: "modified", object: object("a", "u", "b") }), 1)
  })
})
