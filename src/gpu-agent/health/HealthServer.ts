import { Effect, Layer, Schema } from "effect"
import { createServer, type ServerResponse } from "node:http"
import type { AgentState } from "../../contract/AgentMessages.ts"
import { Worker, type WorkerReport } from "../worker/Worker.ts"

class PortTaken extends Schema.TaggedError<PortTaken>()("PortTaken", { port: Schema.Int, cause: Schema.Defect() }) {
  override get message(): string {
    return `the health server cannot listen on port ${this.port}: set AGENT_HEALTH_PORT to a free one, or to 0 for none`
  }
}

const isReady = (state: AgentState) => state === "READY" || state === "BUSY"
/** Only a new process helps; everything else is waited for or repaired by people. */
const isAlive = (state: AgentState) => state !== "DEFUNCT"

const send = (response: ServerResponse, ok: boolean, body: WorkerReport): void => {
  response.writeHead(ok ? 200 : 503, { "content-type": "application/json", "cache-control": "no-store" })
  response.end(JSON.stringify(body))
}

/** `/livez` and `/readyz` with the agent's state; answered by the parent process, so also while a model runs. */
export const healthServer = (options: { readonly port: number; readonly host: string }): Layer.Layer<never, PortTaken, Worker> =>
  options.port === 0 ? Layer.empty : Layer.effectDiscard(
    Effect.gen(function*() {
      const worker = yield* Worker
      const runFork = Effect.runForkWith(yield* Effect.context<never>())
      const server = createServer((request, response) => {
        const path = (request.url ?? "").split("?")[0]
        const judge = path === "/livez" ? isAlive : path === "/readyz" ? isReady : undefined
        if (judge === undefined) return void response.writeHead(404).end()
        runFork(Effect.map(worker.report, (report) => send(response, judge(report.state), report)))
      })
      yield* Effect.acquireRelease(
        Effect.callback<void, PortTaken>((resume) => {
          server.once("error", (cause) => resume(Effect.fail(new PortTaken({ port: options.port, cause }))))
          server.listen(options.port, options.host, () => resume(Effect.void))
        }),
        () => Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
      )
    })
  )
