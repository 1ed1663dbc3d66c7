import { Effect } from "effect"
import type { MiddlewareHandler } from "hono"
import type { Scope } from "../../contract/ApiKey.ts"
import { ApiKeys } from "../../platform/nats/ApiKeys.ts"
import type { Env, Run } from "../http.ts"
import { type ApiProblem, problem, problemResponse, unavailable } from "../problem.ts"

const bearer = (header: string | undefined): string | undefined => /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1]

const missingKey = (detail: string): ApiProblem =>
  problem("missing-key", detail, { headers: { "WWW-Authenticate": "Bearer realm=\"darkroom\"" } })

const verify = Effect.fn("gateway.verifyKey")(function*(key: string | undefined, scope: Scope) {
  if (key === undefined) return yield* missingKey("Send your API key as X-API-Key, or as Authorization: Bearer.")
  const keys = yield* ApiKeys
  const record = yield* keys.verify(key).pipe(Effect.mapError(unavailable))
  if (record === undefined) return yield* missingKey("The API key is unknown, revoked or expired.")
  if (!record.scopes.includes(scope)) {
    return yield* problem("missing-scope", `This needs a key with the scope "${scope}"; yours has: ${record.scopes.join(", ")}.`)
  }
  return record
})

/** Lets a request through whose key has the scope, and notes whose it is. */
export const apiKey = (run: Run) => (scope: Scope): MiddlewareHandler<Env> =>
  async function apiKey(c, next) {
    const key = c.req.header("X-API-Key") ?? bearer(c.req.header("Authorization"))
    const verified = await run(Effect.result(verify(key, scope)))
    if (verified._tag === "Failure") return problemResponse(verified.failure, c.get("requestId"))
    c.set("key", verified.success)
    return next()
  }

/** The listener without keys: everybody is the same client, and may only submit. */
export const noKey = (): MiddlewareHandler<Env> =>
  async function noKey(c, next) {
    c.set("key", {
      id: "models-service",
      name: "models service",
      sha256: "",
      scopes: ["submit"],
      created_at: "1970-01-01T00:00:00.000Z",
      expires_at: null
    })
    await next()
  }
