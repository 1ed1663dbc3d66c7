import { Effect, Schema } from "effect"
import type { Context } from "hono"
import { HistoryQuery, HistoryResponse } from "../../contract/EditApi.ts"
import { decodeFields } from "../admission/body.ts"
import type { Env } from "../http.ts"
import { summarize } from "../jobs.ts"
import { Projection } from "../projection/Projection.ts"

/** `GET /api/history`: newest first; the caller's own jobs, or everybody's for an admin. */
export const history = Effect.fnUntraced(function*(c: Context<Env>) {
  const { limit, page, status } = yield* decodeFields(HistoryQuery, c.req.query())
  const key = c.get("key")
  const client = key.scopes.includes("admin") ? undefined : key.id
  const projection = yield* Projection
  yield* projection.catchUp
  const rows = yield* projection.history({ client, state: status, offset: (page - 1) * limit, limit })
  const counts = yield* projection.counts({ client })
  const total = status === undefined ? Object.values(counts).reduce((sum, n) => sum + n, 0) : counts[status]
  const body = yield* Effect.orDie(Schema.encodeEffect(HistoryResponse)({
    jobs: yield* Effect.forEach(rows, summarize),
    total,
    page,
    limit,
    pages: Math.ceil(total / limit)
  }))
  return c.json(body, 200, { "Cache-Control": "no-store" })
})
