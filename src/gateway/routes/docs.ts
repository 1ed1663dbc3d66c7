import type { Context } from "hono"
import { docsPage } from "../docs/page.ts"
import type { Env } from "../http.ts"
import { openApiText } from "../openapi/write.ts"

let document: string | undefined
let page: string | undefined

/** `GET /openapi.json` */
export const openapi = (c: Context<Env>) =>
  c.body(document ??= openApiText(), 200, { "Content-Type": "application/json", "Cache-Control": "public, max-age=300" })

/** `GET /docs` */
export const docs = (c: Context<Env>) =>
  c.body(page ??= docsPage(), 200, {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "public, max-age=300",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
  })
