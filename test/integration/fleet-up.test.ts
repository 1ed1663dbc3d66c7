import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { freePort, locateNatsServer } from "../../src/testing/NatsServer.ts"

/** `darkroom up` as a person runs it, with the models made for tests. */

const limitMs = 60_000

let folder: string
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "darkroom-up-"))
  env = {
    ...process.env,
    NATS_SERVER_BIN: await locateNatsServer(),
    PORT: String(await freePort()),
    MODELS_PORT: String(await freePort())
  }
}, limitMs)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Run {
  readonly child: ChildProcess
  readonly said: () => string
  readonly ended: Promise<number | null>
}

const darkroom = (args: ReadonlyArray<string>, extra: Record<string, string> = {}): Run => {
  const child = spawn(process.execPath, ["src/cli/main.ts", ...args], { env: { ...env, ...extra }, stdio: ["ignore", "pipe", "pipe"] })
  let said = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()))
  return { child, said: () => said, ended: once(child, "exit").then(([code]) => code as number | null) }
}

const up = (...args: ReadonlyArray<string>) => darkroom(["up", "--test-models", "--data", folder, ...args])

const logs = () => readdirSync(join(folder, "logs")).map((name) => `--- ${name}\n${readFileSync(join(folder, "logs", name), "utf8").slice(-2_000)}`).join("\n")

const until = async (what: string, holds: () => boolean | Promise<boolean>, run?: Run) => {
  const end = Date.now() + limitMs
  while (Date.now() < end) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${what} did not happen\n${run?.said() ?? ""}\n${logs()}`)
}

/** Processes of this system, found by what only they have: the data folder in their command or environment. */
const ours = (): ReadonlyArray<{ pid: number; ppid: number; command: string }> => {
  const all = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,command="], { encoding: "utf8" }).split("\n").flatMap((line) => {
    const [, pid, ppid, stat, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    return pid === undefined || stat?.startsWith("Z") ? [] : [{ pid: Number(pid), ppid: Number(ppid), command: command ?? "" }]
  })
  return all
}

const descendants = (root: number): ReadonlyArray<{ pid: number; command: string }> => {
  const all = ours()
  const found: Array<{ pid: number; command: string }> = []
  let parents = [root]
  while (parents.length > 0) {
    const children = all.filter((one) => parents.includes(one.ppid))
    found.push(...children)
    parents = children.map((one) => one.pid)
  }
  return found
}

const alive = (pids: ReadonlyArray<number>) => ours().filter((one) => pids.includes(one.pid))
const isServing = (run: Run) => run.said().includes("Ctrl-C stops everything")
const ready = () => fetch(`http://127.0.0.1:${env["PORT"]}/readyz`).then((response) => response.ok, () => false)

describe("darkroom up", () => {
  it("--once edits the sample and exits with 0", async () => {
    const run = up("--once")
    assert.strictEqual(await run.ended, 0, `${run.said()}\n${logs()}`)
    assert.match(run.said(), /before {2}\S*astronaut\.png\n {2}after {3}\S*astronaut\.edited\.png/)
    assert.isTrue(existsSync("examples/astronaut.edited.png"))
    assert.strictEqual(statSync(join(folder, "key")).mode & 0o777, 0o600)
    assert.strictEqual(statSync(join(folder, "nats", "nats.conf")).mode & 0o777, 0o600)
  }, limitMs)

  it("serves until stopped, prints a curl that works, and leaves nothing behind", async () => {
    const run = up()
    await until("serving", () => isServing(run), run)
    const curl = /^curl [^]*?edited\.png$/m.exec(run.said())?.[0] ?? ""
    execFileSync("sh", ["-c", curl], { cwd: folder })
    assert.strictEqual(readFileSync(join(folder, "edited.png")).subarray(1, 4).toString(), "PNG")

    const edited = darkroom(["edit", "examples/astronaut.png", "steps=4", "-o", join(folder, "by-cli.png"), "--data", folder])
    assert.strictEqual(await edited.ended, 0, edited.said())
    assert.isTrue(existsSync(join(folder, "by-cli.png")))

    const image_base64 = readFileSync("examples/astronaut.png", "base64")
    assert.match(run.said(), /jobs +edit +noop\n +image_to_image +noop\n +text_to_image +noop\n +frames +noop\n +text +noop\n/)
    for (const [route, more] of [
      ["/image/edit", { image_base64 }],
      ["/image/generate", { width: 256, height: 256 }],
      ["/video/generate-frames", { num_frames: 2 }],
      ["/text/generate", {}]
    ] as const) {
      const answer = await fetch(`http://127.0.0.1:${env["MODELS_PORT"]}${route}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: "steps=2 size=8x8", ...more })
      })
      assert.strictEqual(answer.status, 200, `${route}: ${(await answer.text()).slice(0, 300)}`)
    }

    const revoked = darkroom(["keys", "revoke", "nobody", "--data", folder])
    assert.strictEqual(await revoked.ended, 1)
    assert.include(revoked.said(), 'there is no key "nobody"')

    const pids = descendants(run.child.pid ?? -1).map((one) => one.pid)
    assert.isAtLeast(pids.length, 4)
    run.child.kill("SIGINT")
    assert.strictEqual(await run.ended, 0, run.said())
    assert.deepStrictEqual(alive(pids), [])
  }, 2 * limitMs)

  it("starts again what is killed, and says so", async () => {
    const run = up()
    await until("serving", () => isServing(run), run)
    const find = (part: string) => descendants(run.child.pid ?? -1).find((one) => one.command.includes(part) && !one.command.includes("guard"))!
    for (const [part, name] of [["gateway/main.ts", "gateway"], ["operator/local.ts", "fleet"], ["nats.conf", "nats-server"]] as const) {
      process.kill(find(part).pid, "SIGKILL")
      await until(`${name} again`, () => run.said().includes(`${name} ended`) && ready(), run)
    }
    const edited = darkroom(["edit", "examples/astronaut.png", "steps=4", "-o", join(folder, "after.png"), "--data", folder])
    assert.strictEqual(await edited.ended, 0, `${edited.said()}\n${run.said()}\n${logs()}`)

    const pids = descendants(run.child.pid ?? -1).map((one) => one.pid)
    run.child.kill("SIGKILL")
    await until("no orphans", () => alive(pids).length === 0)
  }, 3 * limitMs)

  it("a second one, a taken port and a missing nats-server are named, with the fix", async () => {
    const server = createServer().listen(Number(env["PORT"]), "127.0.0.1")
    await once(server, "listening")
    const taken = up("--once")
    assert.strictEqual(await taken.ended, 1)
    assert.include(taken.said(), `port ${env["PORT"]}`)
    assert.include(taken.said(), "set PORT")
    server.close()

    writeFileSync(join(folder, "up.lock"), `${process.pid}\n`)
    const second = up("--once")
    assert.strictEqual(await second.ended, 1)
    assert.include(second.said(), `process ${process.pid}`)
    rmSync(join(folder, "up.lock"))

    const missing = darkroom(["up", "--once", "--test-models", "--data", folder], { NATS_SERVER_BIN: join(folder, "nats-server") })
    assert.strictEqual(await missing.ended, 1)
    assert.include(missing.said(), "scripts/nats-server")

    const odd = darkroom(["up", "--once", "--test-models", "--data", folder], { PORT: "http" })
    assert.strictEqual(await odd.ended, 1)
    assert.match(odd.said(), /^error: PORT: /m)

    const short = darkroom(["up", "--once", "--test-models", "--data", folder], { DARKROOM_API_KEY: "short" })
    assert.strictEqual(await short.ended, 1)
    assert.include(short.said(), "DARKROOM_API_KEY")
  }, limitMs)
})
