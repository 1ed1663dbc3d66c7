import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile, execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { serverVersionMin } from "../../src/platform/nats/serverChecks.ts"

/** scripts/nats-server, way by way, with stand-ins for Go, Docker and the release server. */

const script = fileURLToPath(new URL("../../scripts/nats-server", import.meta.url))
const tools = [
  "awk", "bash", "cat", "chmod", "cp", "curl", "cut", "dirname", "env", "grep", "gzip", "head", "mkdir", "mktemp", "mv",
  "openssl", "rm", "sed", "sh", "sha256sum", "shasum", "sysctl", "tar", "tr", "uname", "wget"
]

let folder: string
let releases: Server
const served = new Map<string, Buffer>()

const program = (path: string, text: string) => {
  mkdirSync(join(path, ".."), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, 0o755)
}
const natsServer = (path: string, version: string) => program(path, `#!/bin/sh\necho "nats-server: v${version}"\n`)

interface Setting {
  /** Folders put before the basic tools on PATH. */
  readonly path?: ReadonlyArray<string>
  readonly cache: string
  readonly releases?: string
  readonly arguments?: ReadonlyArray<string>
}

const run = (setting: Setting) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const env = {
      HOME: folder,
      PATH: [...(setting.path ?? []), join(folder, "tools")].join(":"),
      XDG_CACHE_HOME: join(folder, setting.cache),
      DARKROOM_NATS_RELEASES: setting.releases ?? "http://127.0.0.1:9"
    }
    execFile("bash", [script, ...(setting.arguments ?? [])], { env, encoding: "utf8" }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout: stdout.trim(), stderr }))
  })

const cached = (cache: string, version: string) => join(folder, cache, "darkroom/nats-server", version, "nats-server")

/** Puts a release archive of this machine's platform on the release server; returns its base URL. */
const publish = (name: string, version: string, sum?: string) => {
  const os = process.platform
  const arch = { x64: "amd64", arm64: "arm64", arm: "arm7" }[process.arch as string] ?? process.arch
  const title = `nats-server-v${version}-${os}-${arch}`
  const work = join(folder, `work-${name}`)
  natsServer(join(work, title, "nats-server"), version)
  const archive = execFileSync("tar", ["-czf", "-", "-C", work, title])
  const sha256 = sum ?? createHash("sha256").update(archive).digest("hex")
  served.set(`/${name}/v${version}/${title}.tar.gz`, archive)
  served.set(`/${name}/v${version}/SHA256SUMS`, Buffer.from(`${"0".repeat(64)}  other.zip\n${sha256}  ${title}.tar.gz\n`))
  return `http://127.0.0.1:${(releases.address() as AddressInfo).port}/${name}`
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "darkroom-script-"))
  mkdirSync(join(folder, "tools"))
  for (const tool of tools) {
    const found = (process.env["PATH"] ?? "").split(":").map((place) => join(place, tool)).find((path) => existsSync(path))
    if (found !== undefined) symlinkSync(found, join(folder, "tools", tool))
  }
  releases = createServer((request, response) => {
    const body = served.get(request.url ?? "")
    response.writeHead(body === undefined ? 404 : 200).end(body)
  })
  await new Promise<void>((resolve) => releases.listen(0, "127.0.0.1", resolve))
})

afterAll(() => {
  releases.close()
  rmSync(folder, { recursive: true, force: true })
})

describe("scripts/nats-server", () => {
  it.each([
    ["2.14.7", true], ["2.14.10", true], ["2.15.2", true], ["3.0.0", true], ["2.15.0-RC.1", true],
    ["2.14.6", false], ["2.9.25", false], ["1.99.99", false], ["2.14.7-RC.2", false], ["garbage", false]
  ])("version %s on PATH: good enough is %s", async (version, good) => {
    const path = join(folder, `path-${version}`)
    natsServer(join(path, "nats-server"), version)
    const { code, stderr, stdout } = await run({ path: [path], cache: "none" })
    assert.strictEqual(code, good ? 0 : 1, stderr)
    assert.strictEqual(stdout, good ? join(path, "nats-server") : "")
  })

  it("allows what the programs allow, and the tests run on that one too", () => {
    assert.include(readFileSync(script, "utf8"), `\noldest=${serverVersionMin}\n`)
    assert.include(readFileSync(join(script, "../test"), "utf8"), `\noldest_nats_server=${serverVersionMin}\n`)
  })

  it("--version takes exactly that one, and says what it wants", async () => {
    const path = join(folder, "newer")
    natsServer(join(path, "nats-server"), "2.15.2")
    natsServer(cached("exact", "2.14.7"), "2.14.7")
    const { stdout } = await run({ path: [path], cache: "exact", arguments: ["--version", "2.14.7"] })
    assert.strictEqual(stdout, cached("exact", "2.14.7"))
    assert.strictEqual((await run({ cache: "exact", arguments: ["--version", "latest"] })).code, 2)
  })

  it("builds with Go when there is Go", async () => {
    const path = join(folder, "go")
    program(
      join(path, "go"),
      `#!/bin/sh\nfor last; do :; done\nversion=\${last##*@v}\nmkdir -p "$GOBIN"\nprintf '#!/bin/sh\\necho nats-server: v%s\\n' "$version" >"$GOBIN/nats-server"\nchmod +x "$GOBIN/nats-server"\n`
    )
    const { stderr, stdout } = await run({ path: [path], cache: "by-go" })
    assert.strictEqual(stdout, cached("by-go", "2.15.2"), stderr)
    assert.include(stderr, "about a minute")
    assert.strictEqual((await run({ cache: "by-go" })).stderr, "", "the second time it says nothing")
  })

  it("downloads the release, two at once, and leaves nothing half-done", async () => {
    const setting = { cache: "by-release", releases: publish("good", "2.15.2") }
    const results = await Promise.all([run(setting), run(setting)])
    for (const { stderr, stdout } of results) assert.strictEqual(stdout, cached("by-release", "2.15.2"), stderr)
    assert.deepStrictEqual(readdirSync(join(folder, "by-release/darkroom/nats-server")), ["2.15.2"])
  })

  it("refuses a download with another checksum", async () => {
    const { code, stderr } = await run({ cache: "tampered", releases: publish("tampered", "2.15.2", "f".repeat(64)) })
    assert.strictEqual(code, 1)
    assert.match(stderr, /SHA256SUMS says 'f{64}'.*do not trust/)
    assert.isFalse(existsSync(cached("tampered", "2.15.2")))
  })

  // Elsewhere the script does not ask Docker: the image holds a program for Linux only.
  it.skipIf(process.platform !== "linux")("takes it out of the Docker image, and removes the container", async () => {
    const path = join(folder, "docker")
    const inImage = join(folder, "in-image/nats-server")
    natsServer(inImage, "2.15.2")
    program(
      join(path, "docker"),
      `#!/bin/sh\necho "$@" >>"${folder}/docker.log"\ncase $1 in create) echo c0ffee ;; cp) cp "${inImage}" "$3" ;; esac\n`
    )
    const { stderr, stdout } = await run({ path: [path], cache: "by-docker" })
    assert.strictEqual(stdout, cached("by-docker", "2.15.2"), stderr)
    assert.include(readFileSync(join(folder, "docker.log"), "utf8"), "rm c0ffee")
  })

  it("names each way it tried, and its fix, when none works", async () => {
    const path = join(folder, "engineless")
    program(join(path, "docker"), "#!/bin/sh\nexit 1\n")
    program(join(path, "go"), "#!/bin/sh\necho no network >&2\nexit 1\n")
    natsServer(join(path, "nats-server"), "2.9.25")
    const { code, stderr } = await run({ path: [path], cache: "nothing" })
    assert.strictEqual(code, 1)
    for (const way of ["PATH: ", "Go: ", "Release download: ", "Docker: "]) {
      assert.match(stderr, new RegExp(`- ${way}.*Fix: `))
    }
  })
})
