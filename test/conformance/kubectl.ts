import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { kubeBinaries, type RunningKubeApiServer } from "../../src/testing/KubeApiServer.ts"

/** kubectl as people use it, against a server of the test. */

export const repository = fileURLToPath(new URL("../..", import.meta.url))

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export const kubectlOf = (server: RunningKubeApiServer) => {
  const program = join(kubeBinaries(), "kubectl")
  if (!existsSync(program)) throw new Error(`${program} is missing. Run scripts/cluster build, or set KUBE_BIN_DIR.`)
  return (args: ReadonlyArray<string>, input = ""): Ran => {
    const { status, stderr, stdout } = spawnSync(program, ["--kubeconfig", server.kubeconfig, ...args], {
      cwd: repository,
      input,
      encoding: "utf8",
      timeout: 60_000
    })
    return { code: status ?? -1, stdout, stderr }
  }
}
