import { afterAll, assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/**
 * A dry run of scripts/cluster on kind: what it would have docker, kind and kubectl do, told by stand-ins that write down how they are
 * called and succeed. Whether a real kind then does it shows only where Docker runs.
 */

const repository = fileURLToPath(new URL("../..", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "darkroom-kind-"))
const cache = join(folder, "cache")
const calls = join(folder, "calls")
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const standIn = (path: string, answer = ""): void => {
  writeFileSync(path, `#!/bin/sh\nprintf '%s %s\\n' "\${0##*/}" "$*" >>"${calls}"\n${answer}\n`)
  chmodSync(path, 0o755)
}

const version = (name: string): string => {
  const [, found] = new RegExp(`^${name}_version=(\\S+)$`, "m").exec(readFileSync(join(repository, "scripts/cluster.d/settings.sh"), "utf8")) ?? []
  assert.isDefined(found, name)
  return found ?? ""
}

const prepare = (): void => {
  for (const name of ["bin", "images"]) mkdirSync(join(cache, name), { recursive: true })
  mkdirSync(join(folder, "path"))
  standIn(join(folder, "path/docker"), 'case $1 in inspect) echo true ;; esac')
  for (const [program, of] of [["kind", "kind"], ["kubectl", "kubernetes"], ["nats-server", "nats"]] as const) {
    standIn(join(cache, "bin", program))
    writeFileSync(join(cache, "bin", `.${program}-${version(of)}`), "")
  }
  for (const image of [`nats-${version("nats").slice(1)}`, "ingress-1"]) writeFileSync(join(cache, "images", `darkroom.test-${image}.tar.id`), "sha256:1\n")
}

const cluster = (...args: ReadonlyArray<string>) => {
  writeFileSync(calls, "")
  const { status, stderr, stdout } = spawnSync("bash", [join(repository, "scripts/cluster"), ...args], {
    encoding: "utf8",
    timeout: 60_000,
    env: { PATH: `${join(folder, "path")}:${process.env["PATH"] ?? ""}`, HOME: folder, DARKROOM_CACHE: cache, DARKROOM_CLUSTER: "kind", NODES: "2", GPUS: "8" }
  })
  return { status, stderr, stdout, calls: readFileSync(calls, "utf8").trim().split("\n") }
}

describe("scripts/cluster on kind, dry", () => {
  it("makes a cluster with two workers that offer GPUs, and loads what it needs", () => {
    prepare()
    const { calls, status, stderr } = cluster("up")
    assert.strictEqual(status, 0, stderr)
    const config = join(cache, "run/kind.yaml")
    assert.include(calls, `kind create cluster --name darkroom --config ${config} --kubeconfig ${join(cache, "run/admin.conf")} --wait 120s`)
    assert.strictEqual(readFileSync(config, "utf8").match(/role: worker/g)?.length, 2)
    assert.deepStrictEqual(calls.filter((call) => call.startsWith("kind load")), [
      `kind load docker-image darkroom.test/nats:${version("nats").slice(1)} --name darkroom`,
      "kind load docker-image darkroom.test/ingress:1 --name darkroom"
    ])
    for (const node of ["darkroom-worker", "darkroom-worker2"]) {
      const said = calls.filter((call) => call.startsWith("kubectl") && call.includes(` node ${node} `))
      assert.isTrue(said.some((call) => call.includes('"path":"/status/capacity/nvidia.com~1gpu","value":"8"')), said.join("\n"))
      assert.isTrue(said.some((call) => call.includes("nvidia.com/gpu.product=")), said.join("\n"))
    }
  })

  it.each<readonly [command: string, what: string, call: string]>([
    ["crash", "2", "docker kill darkroom-worker2"],
    ["boot", "darkroom-worker", "docker start darkroom-worker"],
    ["freeze", "1", "docker exec darkroom-worker systemctl kill --signal=STOP kubelet"],
    ["thaw", "1", "docker exec darkroom-worker systemctl kill --signal=CONT kubelet"],
    ["stop", "kube-apiserver", "docker exec darkroom-control-plane sh -c mkdir -p /etc/kubernetes/parked && mv /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/parked/"],
    ["start", "etcd", "docker exec darkroom-control-plane mv /etc/kubernetes/parked/etcd.yaml /etc/kubernetes/manifests/"]
  ])("%s %s", (command, what, call) => {
    const { calls, status, stderr } = cluster(command, what)
    assert.strictEqual(status, 0, stderr)
    assert.strictEqual(calls.at(-1), call)
  })

  it("refuses a node and a part that are not there, by what there is", () => {
    assert.match(cluster("crash", "3").stderr, /there is no node "3".*\n.*darkroom-worker darkroom-worker2/)
    assert.match(cluster("stop", "kubelet").stderr, /there is no part "kubelet"/)
  })

  it("goes as a whole", () => {
    const { calls, status, stderr } = cluster("down")
    assert.strictEqual(status, 0, stderr)
    assert.include(calls.at(-1), "kind delete cluster --name darkroom")
    assert.notStrictEqual(cluster("status").status, 0)
  })
})
