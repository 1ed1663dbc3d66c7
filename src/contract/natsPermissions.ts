import { laneName, lanes } from "./Lane.ts"
import {
  allHeartbeats,
  allPoolStatuses,
  blobBucket,
  encodeToken,
  type EventName,
  eventsStream,
  hooksStream,
  keysBucket,
  laneConsumer,
  workStream
} from "./subjects.ts"

/**
 * What each program may send to the broker and hear from it: no more than it uses. Pure. A program connects as a user of
 * its role, and its answers come to an inbox that carries the user's name, so that nobody reads another's answers.
 *
 * What subjects cannot say: which job a read of EVENTS, WORK or the pictures is about. So an agent takes and finishes work
 * of its own pool only, and hears and answers for its own only, but can read jobs and pictures of others
 * (docs/adr/0011-what-agents-can-read.md).
 */

export type NatsRole =
  | { readonly _tag: "Gateway" }
  | { readonly _tag: "Operator" }
  /** All agents of a pool are one user: a job may pass from one to the next. */
  | { readonly _tag: "Agent"; readonly pool: string; readonly models: ReadonlyArray<string> }
  /** The agents of all pools as one user, where pools come and go and belong to the same people. */
  | { readonly _tag: "AnyAgent" }
  /** Reads the events by a durable pull consumer that was made for it, and nothing else. */
  | { readonly _tag: "EventReader"; readonly consumer: string }
  /** People, for backups and repairs. */
  | { readonly _tag: "Administrator" }

export interface NatsPermissions {
  readonly publish: ReadonlyArray<string>
  readonly subscribe: ReadonlyArray<string>
  /** May answer each request that it was allowed to hear, once, within these milliseconds. */
  readonly answerWithinMs?: number
}

const blobStream = `OBJ_${blobBucket}`
const keyStream = `KV_${keysBucket}`
const answerWithinMs = 5_000

export const natsUser = (role: NatsRole): string => {
  switch (role._tag) {
    case "Gateway":
      return "gateway"
    case "Operator":
      return "operator"
    case "Agent":
      return `agent-${encodeToken(role.pool)}`
    case "AnyAgent":
      return "agent"
    case "EventReader":
      return `events-${encodeToken(role.consumer)}`
    case "Administrator":
      return "admin"
  }
}

/** Begins every inbox of a user; without a user the program's own name stands for it. */
export const inboxPrefix = (user: string): string => `_INBOX_${user.replaceAll(/[^A-Za-z0-9-]/g, "-")}`

const api = (...words: ReadonlyArray<string>) => ["$JS", "API", ...words].join(".")

const streamInfo = (streams: ReadonlyArray<string>) => streams.map((stream) => api("STREAM", "INFO", stream))
const streamCreate = (streams: ReadonlyArray<string>) => streams.map((stream) => api("STREAM", "CREATE", stream))

/** One message at the stream's leader. */
const getAtLeader = (stream: string) => api("STREAM", "MSG", "GET", stream)
/** One message from any replica; what is wanted stands in the request's body, so this cannot be narrowed. */
const getDirect = (stream: string) => api("DIRECT", "GET", stream)

/** An ordered consumer is made, read and removed by the reader itself. */
const follow = (stream: string) => [
  api("CONSUMER", "CREATE", stream, ">"),
  api("CONSUMER", "INFO", stream, "*"),
  api("CONSUMER", "MSG", "NEXT", stream, "*"),
  api("CONSUMER", "DELETE", stream, "*")
]
/** The list of pictures is pushed. Without the right to answer flow control it would stop in the middle, for ever. */
const listBlobs = [api("CONSUMER", "CREATE", blobStream, ">"), api("CONSUMER", "DELETE", blobStream, "*"), `$JS.FC.${blobStream}.>`]

/** Both forms of an acknowledgement: as it is now, and with a domain and an account in front. */
const acknowledge = (stream: string, consumer: string) => [`$JS.ACK.${stream}.${consumer}.>`, `$JS.ACK.*.*.${stream}.${consumer}.>`]

const every = "*"
const tokenOf = (name: string) => (name === every ? every : encodeToken(name))

/** `jobs.*.<event>.<pool>.<model>.<lane>.<client>` */
const events = (names: ReadonlyArray<EventName>, pool = every) => names.map((name) => `jobs.*.${name}.${tokenOf(pool)}.*.*.*`)

const putBlobs = [`$O.${blobBucket}.C.>`, `$O.${blobBucket}.M.>`]
const getBlobs = [getAtLeader(blobStream), getDirect(blobStream)]

const gateway: NatsPermissions = {
  publish: [
    api("INFO"),
    ...streamInfo([eventsStream, workStream, blobStream, keyStream, hooksStream]),
    ...streamCreate([eventsStream, workStream, blobStream, keyStream]),
    ...events(["queued", "failed", "cancelled", "deleted"]),
    getAtLeader(eventsStream),
    getDirect(eventsStream),
    ...follow(eventsStream),
    api("STREAM", "PURGE", eventsStream),
    // Depth for the metrics, and what the sweeper heals.
    getAtLeader(workStream),
    getDirect(workStream),
    api("CONSUMER", "NAMES", workStream),
    api("CONSUMER", "INFO", workStream, "*"),
    api("STREAM", "PURGE", workStream),
    ...putBlobs,
    ...getBlobs,
    ...listBlobs,
    api("STREAM", "PURGE", blobStream),
    `$KV.${keysBucket}.>`,
    getAtLeader(keyStream),
    ...follow(keyStream),
    "control.cancel.*"
  ],
  subscribe: ["progress.*", allHeartbeats, allPoolStatuses]
}

const operator: NatsPermissions = {
  publish: [
    api("INFO"),
    ...streamInfo([eventsStream, workStream, blobStream, keyStream]),
    ...streamCreate([eventsStream, workStream, blobStream, keyStream]),
    // Where a WORK that is made anew must begin.
    ...follow(eventsStream),
    // Lanes and their depth.
    getDirect(eventsStream),
    getDirect(workStream),
    api("CONSUMER", "NAMES", workStream),
    api("CONSUMER", "INFO", workStream, "*"),
    api("CONSUMER", "CREATE", workStream, ">"),
    api("CONSUMER", "DELETE", workStream, "*"),
    "control.drain.*.*",
    allPoolStatuses
  ],
  subscribe: [allHeartbeats, allPoolStatuses, "wake.*.*.*"]
}

/** Named one by one, as a subject has no wildcard inside a word. */
const consumersOf = (pool: string, models: ReadonlyArray<string>) =>
  models.flatMap((model) => lanes.map((lane) => laneConsumer(pool, model, laneName(lane))))

/** No right to make consumers: one that delivers to `jobs.…` would write events past every check. */
const agent = (pool: string, consumers: ReadonlyArray<string>): NatsPermissions => ({
  publish: [
    api("INFO"),
    ...consumers.flatMap((consumer) => [
      api("CONSUMER", "MSG", "NEXT", workStream, consumer),
      api("CONSUMER", "INFO", workStream, consumer),
      ...acknowledge(workStream, consumer)
    ]),
    getDirect(workStream),
    ...events(["started", "released", "completed", "failed"], pool),
    getAtLeader(eventsStream),
    ...putBlobs,
    ...getBlobs,
    "progress.*",
    `agents.${tokenOf(pool)}.*`
  ],
  subscribe: ["control.cancel.*", `control.drain.${tokenOf(pool)}.*`, `agents.${tokenOf(pool)}.*`, `wake.${tokenOf(pool)}.*.*`],
  answerWithinMs
})

const eventReader = (consumer: string): NatsPermissions => ({
  publish: [
    api("INFO"),
    api("STREAM", "INFO", eventsStream),
    api("CONSUMER", "INFO", eventsStream, consumer),
    api("CONSUMER", "MSG", "NEXT", eventsStream, consumer),
    ...acknowledge(eventsStream, consumer)
  ],
  subscribe: []
})

const ofRole = (role: NatsRole): NatsPermissions => {
  switch (role._tag) {
    case "Gateway":
      return gateway
    case "Operator":
      return operator
    case "Agent":
      return agent(role.pool, consumersOf(role.pool, role.models))
    case "AnyAgent":
      return agent(every, [every])
    case "EventReader":
      return eventReader(role.consumer)
    case "Administrator":
      return { publish: [">"], subscribe: [">"] }
  }
}

/** Everything else is refused. */
export const natsPermissions = (role: NatsRole): NatsPermissions => {
  const { publish, subscribe, ...rest } = ofRole(role)
  if (role._tag === "Administrator") return { publish, subscribe }
  return { publish, subscribe: [`${inboxPrefix(natsUser(role))}.>`, ...subscribe], ...rest }
}

/** The environment variable that holds a user's password for the broker. It must begin with a letter: digits would be read as a number. */
export const natsPasswordVariable = (role: NatsRole): string =>
  `NATS_PASSWORD_${natsUser(role).toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`

const list = (subjects: ReadonlyArray<string>, indent: string) =>
  subjects.length === 0 ? "[]" : `[\n${subjects.map((subject) => `${indent}  ${JSON.stringify(subject)}`).join("\n")}\n${indent}]`

const userBlock = (role: NatsRole): string => {
  const { answerWithinMs, publish, subscribe } = natsPermissions(role)
  const responses = answerWithinMs === undefined ? "" : `\n        allow_responses: { max: 1, expires: "${answerWithinMs}ms" }`
  return `    {
      user: ${JSON.stringify(natsUser(role))}
      password: $${natsPasswordVariable(role)}
      permissions {
        publish { allow: ${list(publish, "        ")} }
        subscribe { allow: ${list(subscribe, "        ")} }${responses}
      }
    }`
}

/** The block `authorization` of a nats-server's configuration; passwords come from its environment. */
export const natsAuthorization = (roles: ReadonlyArray<NatsRole>): string =>
  `authorization {\n  users: [\n${roles.map(userBlock).join("\n")}\n  ]\n}\n`
