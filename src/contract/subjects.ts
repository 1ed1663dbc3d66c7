import { parseLane } from "./Lane.ts"

/**
 * Every NATS name of the system. Tokens are encoded so that no name from outside (a pool, a model, a client)
 * can add a token: a subject with one token too many is stored and never queued.
 */

export const eventsStream = "EVENTS"
export const workStream = "WORK"
export const blobBucket = "IMAGES"
export const keysBucket = "KEYS"

export const eventNames = ["queued", "started", "released", "completed", "failed", "cancelled", "deleted"] as const
export type EventName = (typeof eventNames)[number]

/** Letters, digits and `-` stay; every other byte becomes `_xx` (hex). Reversible. */
export const encodeToken = (text: string): string => {
  if (text === "") return "_"
  let token = ""
  for (const byte of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(byte)
    token += /[A-Za-z0-9-]/.test(char) ? char : `_${byte.toString(16).padStart(2, "0")}`
  }
  return token
}

export const decodeToken = (token: string): string => {
  if (token === "_") return ""
  // Nearly every one, and each look at a pool reads the names of all pools' lanes.
  if (!token.includes("_")) return token
  const bytes: Array<number> = []
  for (let i = 0; i < token.length; i++) {
    if (token[i] === "_") {
      bytes.push(Number.parseInt(token.slice(i + 1, i + 3), 16))
      i += 2
    } else bytes.push(token.charCodeAt(i))
  }
  return new TextDecoder().decode(Uint8Array.from(bytes))
}

/** The five names that place an event: `jobs.<job>.<event>.<pool>.<model>.<lane>.<client>`. */
export interface Route {
  readonly pool: string
  readonly model: string
  readonly lane: string
  readonly client: string
}

export const eventSubject = (job: string, event: EventName, route: Route): string =>
  `jobs.${encodeToken(job)}.${event}.${encodeToken(route.pool)}.${encodeToken(route.model)}.${
    encodeToken(route.lane)
  }.${encodeToken(route.client)}`

/** All events of one job: the subject space of every compare-and-swap. */
export const jobSubjects = (job: string): string => `jobs.${encodeToken(job)}.>`

/** Every `queued` event that names this pool. */
export const queuedSubjectsOfPool = (pool: string): string => `jobs.*.queued.${encodeToken(pool)}.*.*.*`

export const parseEventSubject = (
  subject: string
): (Route & { readonly job: string; readonly event: string }) | undefined => {
  const tokens = subject.split(".")
  if (tokens.length !== 7 || tokens[0] !== "jobs") return undefined
  const [, job, event, pool, model, lane, client] = tokens.map(decodeToken) as [
    string, string, string, string, string, string, string
  ]
  return { job, event, pool, model, lane, client }
}

/** `EVENTS` binds exactly seven tokens; `WORK` re-orders those of `queued` events. */
export const eventsSubjects = "jobs.*.*.*.*.*.*"
export const workTransform = {
  src: "jobs.*.queued.*.*.*.*",
  dest: "work.{{wildcard(2)}}.{{wildcard(3)}}.{{wildcard(4)}}.{{wildcard(5)}}.{{wildcard(1)}}"
}

export const workSubject = (job: string, route: Route): string =>
  `work.${encodeToken(route.pool)}.${encodeToken(route.model)}.${encodeToken(route.lane)}.${
    encodeToken(route.client)
  }.${encodeToken(job)}`

export const laneSubjects = (pool: string, model: string, lane: string): string =>
  `work.${encodeToken(pool)}.${encodeToken(model)}.${encodeToken(lane)}.>`

/** Every WORK message of one job, whatever its route. */
export const workSubjectsOfJob = (job: string): string => `work.*.*.*.*.${encodeToken(job)}`

export const parseWorkSubject = (subject: string): (Route & { readonly job: string }) | undefined => {
  const tokens = subject.split(".")
  if (tokens.length !== 6 || tokens[0] !== "work") return undefined
  const [, pool, model, lane, client, job] = tokens.map(decodeToken) as [
    string, string, string, string, string, string
  ]
  return { pool, model, lane, client, job }
}

/** The durable consumer of a pool × model × lane. `=` cannot occur in an encoded token. */
export const laneConsumer = (pool: string, model: string, lane: string): string =>
  `${encodeToken(pool)}=${encodeToken(model)}=${encodeToken(lane)}`

export const parseLaneConsumer = (
  name: string
): { readonly pool: string; readonly model: string; readonly lane: string } | undefined => {
  const parts = name.split("=")
  if (parts.length !== 3) return undefined
  const [pool, model, lane] = parts.map(decodeToken) as [string, string, string]
  return parseLane(lane) === undefined ? undefined : { pool, model, lane }
}

/** Republished by WORK itself, headers only, so that it fires only after the message can be pulled. */
export const workRepublish = { src: "work.*.*.*.*.*", dest: "wake.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}" }
export const wakeSubject = (pool: string, model = "*", lane = "*"): string =>
  `wake.${encodeToken(pool)}.${model === "*" ? "*" : encodeToken(model)}.${lane === "*" ? "*" : encodeToken(lane)}`

/** Core NATS, at most once, outside the compare-and-swap subjects. */
export const progressSubject = (job: string): string => `progress.${encodeToken(job)}`
export const cancelSubject = (job: string): string => `control.cancel.${encodeToken(job)}`
/** The pool stands in it, so that the agents of one pool can hear and answer their own requests only. */
export const drainSubject = (pool: string, agent: string): string => `control.drain.${encodeToken(pool)}.${encodeToken(agent)}`
export const heartbeatSubject = (pool: string, agent: string): string =>
  `agents.${encodeToken(pool)}.${encodeToken(agent)}`
export const heartbeatsOf = (pool: string): string => `agents.${encodeToken(pool)}.*`
export const allHeartbeats = "agents.*.*"
export const poolStatusSubject = (pool: string): string => `pools.${encodeToken(pool)}`
export const allPoolStatuses = "pools.*"

/** Names of images: never shared between jobs or attempts, never overwritten. */
export const inputBlobName = (job: string, sha256: string): string => `${job}/in/${sha256}`
export const outputBlobName = (job: string, attempt: number, sha256: string): string => `${job}/${attempt}/${sha256}`

/** Webhook deliveries: one subject an endpoint, so that a slow receiver holds up nobody else. */
export const hooksStream = "HOOKS"
export const hookSubject = (endpoint: string): string => `hooks.due.${encodeToken(endpoint)}`
export const hookScheduleSubject = (endpoint: string, eventId: string): string =>
  `hooks.later.${encodeToken(endpoint)}.${encodeToken(eventId)}`
export const hookConsumer = (endpoint: string): string => `due=${encodeToken(endpoint)}`
