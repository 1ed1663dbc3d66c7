import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { join } from "node:path"
import { parse } from "yaml"

/** What the release workflow, the Dockerfile, the manifests and package.json must say alike. */

const repository = fileURLToPath(new URL("../..", import.meta.url))
const read = (path: string) => readFileSync(join(repository, path), "utf8")

const { version } = JSON.parse(read("package.json")) as { version: string }
const dockerfile = read("Dockerfile")
const base = parse(read("manifests/base/kustomization.yaml"))
const settings = (name: string): ReadonlyArray<string> => base.configMapGenerator.find((one: any) => one.name === name).literals
const targets: ReadonlyArray<string> = parse(read(".github/workflows/release.yml")).jobs.images.strategy.matrix.include.map(({ target }: any) => target)

describe("a release", () => {
  it("builds targets that the Dockerfile has, each as user 1000", () => {
    assert.deepStrictEqual(targets, ["gateway", "operator", "agent-cpu", "agent-cuda"])
    const stages = dockerfile.split(/^FROM /m).slice(1)
    for (const target of targets) {
      const stage = stages.find((text) => new RegExp(`^\\S+ AS ${target}\\n`).test(text))
      assert.match(stage ?? "", /^USER 1000:1000$/m, target)
      assert.match(stage ?? "", /^ENTRYPOINT \["node", (?:"--[a-z-]+=\d+", )*"src\/[a-z-]+\/main\.ts"\]$/m, target)
    }
  })

  it("is named in the manifests with the version of package.json", () => {
    const images = base.images.filter(({ name }: any) => name.startsWith("darkroom-"))
    assert.deepStrictEqual(images.map(({ newName, newTag }: any) => `${newName}:${newTag}`), [
      `ghcr.io/darkroom/gateway:${version}`,
      `ghcr.io/darkroom/operator:${version}`
    ])
    assert.includeMembers([...settings("operator-settings")], [
      `AGENT_IMAGE=ghcr.io/darkroom/agent-cpu:${version}`,
      `AGENT_IMAGE_CUDA=ghcr.io/darkroom/agent-cuda:${version}`
    ])
  })

  it("runs the broker that the programs are developed on", () => {
    const [, newest] = /^newest=(\S+)$/m.exec(read("scripts/nats-server"))!
    assert.strictEqual(base.images.find(({ name }: any) => name === "nats").newTag, `${newest}-alpine`)
  })
})
