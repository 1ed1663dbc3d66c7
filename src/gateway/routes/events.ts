import { Effect, Stream } from "effect"
import type { Context } from "hono"
import { isEnded } from "../../contract/Job.ts"
import type { Env, Services } from "../http.ts"
import { readJob } from "../jobs.ts"
import { eventStream } from "../waiting/eventStream.ts"

const lastEventId = (c: Context<Env>): number => {
  const header = c.req.header("Last-Event-ID") ?? ""
  return /^\d{1,15}$/.test(header) ? Number(header) : 0
}

/** `GET /api/jobs/{job_id}/events`: server-sent events; 204 when nothing will ever come, so that EventSource stops. */
export const events = Effect.fnUntraced(function*(c: Context<Env>) {
  const jobId = c.req.param("job_id") ?? ""
  const { last, record } = yield* readJob(jobId, c.get("key"))
  const after = lastEventId(c)
  if (record.state === "deleted" || (isEnded(record.state) && last.sequence <= after)) return c.body(null, 204)
  const services = yield* Effect.context<Services>()
  const body = Stream.toReadableStreamWith(Stream.encodeText(eventStream(record, after)), services)
  return new Response(body, {
    headers: {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      // nginx would hold events back.
      "X-Accel-Buffering": "no"
    }
  })
})
