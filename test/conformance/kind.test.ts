import { assert, describe, it } from "vitest"
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { kubeBinaries } from "../../src/testing/KubeApiServer.ts"
import { repository } from "./kubectl.ts"

/**
 * kind itself reads the configuration that scripts/cluster gives it: as far as one gets without a Docker engine. It decodes strictly
 * before it looks for Docker, so that a wrong field and a missing Docker are different errors.
 */

const kind = join(kubeBinaries(), "kind")
const parts = join(repository, "scripts/cluster.d")

const configuration = (): string => {
  const { status, stderr, stdout } = spawnSync("bash", ["-euc", `. "${parts}/kind.sh" && kind_configuration`], {
    encoding: "utf8",
    env: { ...process.env, cluster_parts: parts, programs_folder: kubeBinaries(), cluster_name: "test", node_count: "2" }
  })
  assert.strictEqual(status, 0, stderr)
  return stdout
}

/** What kind says of it where there is no Docker at all, not even on a machine that has it. */
const words = (config: string): string => {
  if (!existsSync(kind)) throw new Error(`${kind} is missing. Run scripts/cluster build kind, or set KUBE_BIN_DIR.`)
  const { status, stderr } = spawnSync(kind, ["create", "cluster", "--name", "never-made", "--config", "-"], {
    input: config,
    encoding: "utf8",
    timeout: 30_000,
    env: { PATH: "/nowhere", KIND_EXPERIMENTAL_PROVIDER: "docker" }
  })
  assert.notStrictEqual(status, 0)
  return stderr
}

describe("kind", () => {
  it("takes the configuration: what it misses is Docker", () => {
    const config = configuration()
    assert.deepStrictEqual(config.match(/role: .*/g), ["role: control-plane", "role: worker", "role: worker"])
    assert.match(words(config), /"docker": executable file not found/)
  })

  it("would have refused a field that it does not know", () => {
    assert.match(words(configuration().replace("hostPort", "hostprt")), /unable to decode config.*\n.*field hostprt not found/)
  })
})
