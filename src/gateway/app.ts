import type { Effect } from "effect"
import { type Context, Hono, type MiddlewareHandler } from "hono"
import { methodNotAllowed } from "hono/method-not-allowed"
import { secureHeaders } from "hono/secure-headers"
import { bugResponse, type Env, handler, type HandlerError, type Run, type Services } from "./http.ts"
import { apiKey, noKey } from "./middleware/apiKey.ts"
import { crossOrigin } from "./middleware/crossOrigin.ts"
import { localOnly } from "./middleware/localOnly.ts"
import { observe } from "./middleware/observe.ts"
import { requestId } from "./middleware/requestId.ts"
import type { Metrics } from "./metrics/Metrics.ts"
import { problem, problemResponse } from "./problem.ts"
import { cancel, retry } from "./routes/control.ts"
import { docs, openapi } from "./routes/docs.ts"
import { edit } from "./routes/edit.ts"
import { events } from "./routes/events.ts"
import { health, livez, readyz } from "./routes/health.ts"
import { history } from "./routes/history.ts"
import { metricsText } from "./routes/metrics.ts"
import { framesGenerate, imageEdit, imageGenerate, textGenerate } from "./routes/models.ts"
import { queue, scale } from "./routes/queue.ts"
import { status } from "./routes/status.ts"

export interface AppOptions {
  readonly run: Run
  readonly metrics: Metrics["Service"]
  readonly corsOrigins: ReadonlyArray<string>
}

type Route = (c: Context<Env>) => Effect.Effect<Response, HandlerError, Services>

/** A Hono app with what every listener shares: request ids, metrics, problems for every error, and open routes. */
const baseApp = ({ metrics, run }: AppOptions, guards: ReadonlyArray<MiddlewareHandler<Env>>): Hono<Env> => {
  const app = new Hono<Env>()
  // Before all else: on a machine that is too busy this answer decides whether the process is killed.
  app.get("/livez", livez)
  app.use(requestId)
  app.use(observe(metrics))
  app.use(secureHeaders({
    crossOriginResourcePolicy: false,
    strictTransportSecurity: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    originAgentCluster: false,
    crossOriginOpenerPolicy: false
  }))
  app.use(methodNotAllowed({
    app,
    onMethodNotAllowed: (c, methods) =>
      problemResponse(
        problem("method-not-allowed", `${c.req.method} is not allowed for ${c.req.path.slice(0, 100)}; use ${methods.join(" or ")}.`, {
          headers: { Allow: methods.join(", ") }
        }),
        c.get("requestId") as string
      )
  }))
  guards.forEach((guard) => app.use(guard))
  app.notFound((c) => problemResponse(problem("not-found", `There is nothing at ${c.req.path.slice(0, 100)}; /docs lists all routes.`), c.get("requestId")))
  app.onError((error, c) => run(bugResponse(`${c.req.method} ${c.req.path.slice(0, 100)}`, c.get("requestId"), error)))
  app.get("/readyz", handler(run, readyz))
  app.get("/health", handler(run, health))
  app.get("/openapi.json", openapi)
  app.get("/docs", docs)
  return app
}

const addModels = (app: Hono<Env>, run: Run, access: MiddlewareHandler<Env>, async: boolean): void => {
  const post = (path: string, route: Route) => app.post(path, access, handler(run, route))
  post("/text/generate", textGenerate({ async }))
  post("/image/generate", imageGenerate({ async }))
  post("/image/edit", imageEdit({ async }))
  post("/video/generate-frames", framesGenerate({ async }))
}

/** The API with keys: both specs. */
export const makeApp = (options: AppOptions): Hono<Env> => {
  const { run } = options
  const app = baseApp(options, options.corsOrigins.length > 0 ? [crossOrigin(options.corsOrigins)] : [])
  const scope = apiKey(run)
  app.post("/api/edit", scope("submit"), handler(run, edit({ async: true })))
  addModels(app, run, scope("submit"), true)
  app.get("/api/status/:job_id", scope("read"), handler(run, status))
  app.get("/api/history", scope("read"), handler(run, history))
  app.get("/api/queue", scope("read"), handler(run, queue))
  app.get("/api/jobs/:job_id/events", scope("read"), handler(run, events))
  app.post("/api/job/:job_id/cancel", scope("submit"), handler(run, cancel))
  app.post("/api/job/:job_id/retry", scope("submit"), handler(run, retry))
  app.post("/api/gpu/scale", scope("admin"), handler(run, scale))
  return app
}

/** The models service: no key, for programs on this machine only. */
export const makeModelsApp = (options: AppOptions & { readonly allowedHosts: ReadonlyArray<string> }): Hono<Env> => {
  const app = baseApp(options, [localOnly(options.allowedHosts)])
  addModels(app, options.run, noKey(), false)
  return app
}

/** Prometheus reads this one. */
export const makeMetricsApp = (run: Run): Hono => {
  const app = new Hono()
  app.get("/metrics", async (c) => c.text(await run(metricsText), 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }))
  return app
}
