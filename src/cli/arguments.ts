import { parseArgs, type ParseArgsConfig } from "node:util"
import { type ModelsAction, modelsOptions, modelsUsage, parseModels } from "./models/arguments.ts"

/** What was typed, as a command. Pure. */

export type Command =
  | { readonly _tag: "Help"; readonly of: string | undefined }
  | { readonly _tag: "Version" }
  | { readonly _tag: "Wrong"; readonly message: string }
  | {
    readonly _tag: "Up"
    readonly once: boolean
    readonly testModels: boolean
    readonly port: number | undefined
    readonly data: string | undefined
  }
  | {
    readonly _tag: "Edit"
    readonly photo: string
    readonly sentence: string
    readonly out: string | undefined
    readonly seed: number | undefined
    readonly model: string | undefined
    readonly data: string | undefined
  }
  | {
    readonly _tag: "Keys"
    readonly action: "create" | "list" | "revoke"
    readonly name: string | undefined
    readonly scopes: ReadonlyArray<string>
    readonly data: string | undefined
  }
  | { readonly _tag: "Pool"; readonly scale: { readonly pool: string; readonly replicas: number } | undefined; readonly data: string | undefined }
  | { readonly _tag: "Models"; readonly action: ModelsAction; readonly data: string | undefined }
  | { readonly _tag: "Doctor"; readonly data: string | undefined }

export const usage: Readonly<Record<string, string>> = {
  "": `darkroom: a photo and a sentence in, an edited photo out

  darkroom up                          start everything on this machine and edit the sample photo
  darkroom edit PHOTO "SENTENCE"       edit a photo
  darkroom keys create|list|revoke     API keys
  darkroom pool [scale POOL N]         the pools of agents and how many run
  darkroom models list|add|verify|remove   what agents can run, and how they get it
  darkroom doctor                      what is missing, wrong or weaker than promised

  darkroom COMMAND --help              more about one
  darkroom --version`,
  up: `darkroom up [--once] [--port N] [--test-models] [--data DIR]

Starts the broker, the gateway and the fleet of agents, edits examples/astronaut.png, prints the URLs and a ready-made
curl, and serves until Ctrl-C.

  --once          exit after the edit: 0 when it worked
  --port N        port of the API (also: PORT; default 3000)
  --test-models   serve the models made for tests instead of real ones
  --data DIR      where jobs, images, keys and logs are kept (default: .darkroom in the checkout)

Taken from the environment when set: DARKROOM_API_KEY, PORT, MODELS_PORT (8000), METRICS_PORT and NATS_PORT (any
free one), NATS_SERVER_BIN, MODELS_DIR, and whatever the programs themselves read (docs/settings.md).`,
  edit: `darkroom edit PHOTO "SENTENCE" [-o OUT] [--seed N] [--model NAME] [--data DIR]

Sends a JPEG, PNG or WebP to a running Darkroom and writes the result beside it, or to OUT.
The server is DARKROOM_URL, else the one that \`darkroom up\` runs here; the key is DARKROOM_API_KEY, else its key.`,
  keys: `darkroom keys create NAME [--scopes submit,read,admin] | list | revoke ID  [--data DIR]

A key is shown once, when it is made. The broker is NATS_URL, else the one that \`darkroom up\` runs here.`,
  pool: `darkroom pool [scale POOL REPLICAS] [--data DIR]

Without more: the pools and what their agents do. \`scale\` sets the number of agents kept running.`,
  models: modelsUsage,
  doctor: `darkroom doctor [--data DIR]

Checks Node, nats-server, the broker's durability, the models and the ports; exits with 1 when something must be mended.`
}

const wrong = (message: string): Command => ({ _tag: "Wrong", message })

const options = {
  help: { type: "boolean", short: "h" },
  data: { type: "string" },
  once: { type: "boolean" },
  port: { type: "string" },
  "test-models": { type: "boolean" },
  out: { type: "string", short: "o" },
  seed: { type: "string" },
  model: { type: "string" },
  scopes: { type: "string" },
  from: { type: "string" },
  family: { type: "string" },
  precision: { type: "string" },
  lora: { type: "string", multiple: true },
  set: { type: "string", multiple: true },
  "accept-license": { type: "boolean" },
  force: { type: "boolean" },
  yes: { type: "boolean" }
} as const satisfies ParseArgsConfig["options"]

const allowedOptions: Readonly<Record<string, ReadonlyArray<string>>> = {
  up: ["once", "port", "test-models"],
  edit: ["out", "seed", "model"],
  keys: ["scopes"],
  pool: [],
  models: modelsOptions,
  doctor: []
}

type Values = ReturnType<typeof parse>["values"]
const parse = (argv: ReadonlyArray<string>) => parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })

const integer = (text: string | undefined, maximum: number): number | undefined | "bad" =>
  text === undefined ? undefined : /^\d+$/.test(text) && Number(text) <= maximum ? Number(text) : "bad"

const up = (values: Values, rest: ReadonlyArray<string>): Command => {
  const port = integer(values.port, 65_535)
  if (rest.length > 0) return wrong(`up takes no "${rest[0]}"`)
  if (port === "bad") return wrong(`--port must be a number from 0 to 65535, not "${values.port}"`)
  return { _tag: "Up", once: values.once ?? false, testModels: values["test-models"] ?? false, port, data: values.data }
}

const edit = (values: Values, rest: ReadonlyArray<string>): Command => {
  const [photo, sentence, more] = rest
  const seed = integer(values.seed, 2 ** 32 - 1)
  if (photo === undefined || sentence === undefined) return wrong("edit needs a photo and a sentence")
  if (more !== undefined) return wrong(`edit takes one photo and one sentence; is the sentence in quotes? ("${more}" was left over)`)
  if (seed === "bad") return wrong(`--seed must be a number from 0 to 4294967295, not "${values.seed}"`)
  return { _tag: "Edit", photo, sentence, out: values.out, seed, model: values.model, data: values.data }
}

const keys = (values: Values, rest: ReadonlyArray<string>): Command => {
  const [action, name, more] = rest
  const scopes = (values.scopes ?? "submit,read").split(",").map((scope) => scope.trim())
  const unknown = scopes.find((scope) => !["submit", "read", "admin"].includes(scope))
  if (action !== "create" && action !== "list" && action !== "revoke") return wrong("keys needs one of create, list, revoke")
  if (action !== "list" && name === undefined) return wrong(action === "create" ? "keys create needs a name" : "keys revoke needs the id of a key")
  if (more !== undefined || (action === "list" && name !== undefined)) return wrong(`keys ${action} takes no "${more ?? name}"`)
  if (unknown !== undefined) return wrong(`there is no scope "${unknown}"; the scopes are submit, read and admin`)
  return { _tag: "Keys", action, name, scopes, data: values.data }
}

const pool = (values: Values, rest: ReadonlyArray<string>): Command => {
  const [action, name, replicas, more] = rest
  if (action === undefined) return { _tag: "Pool", scale: undefined, data: values.data }
  const count = integer(replicas, 10_000)
  if (action !== "scale" || name === undefined || count === undefined || more !== undefined) return wrong("pool takes nothing, or: scale POOL REPLICAS")
  if (count === "bad") return wrong(`the number of replicas must be from 0 to 10000, not "${replicas}"`)
  return { _tag: "Pool", scale: { pool: name, replicas: count }, data: values.data }
}

const models = (values: Values, rest: ReadonlyArray<string>): Command => {
  const action = parseModels(values, rest)
  return typeof action === "string" ? wrong(action) : { _tag: "Models", action, data: values.data }
}

const commands: Readonly<Record<string, (values: Values, rest: ReadonlyArray<string>) => Command>> = {
  up,
  edit,
  keys,
  pool,
  models,
  doctor: (values, rest) => (rest.length > 0 ? wrong(`doctor takes no "${rest[0]}"`) : { _tag: "Doctor", data: values.data })
}

const read = (argv: ReadonlyArray<string>): ReturnType<typeof parse> | string => {
  try {
    return parse(argv)
  } catch (error) {
    return error instanceof Error ? error.message.split(". To specify")[0]! : String(error)
  }
}

export const parseCommand = (argv: ReadonlyArray<string>): Command => {
  const [name, ...rest] = argv
  if (name === undefined || name === "help" || name === "--help" || name === "-h") return { _tag: "Help", of: rest[0] }
  if (name === "--version" || name === "version") return { _tag: "Version" }
  const make = commands[name]
  if (make === undefined) return wrong(`there is no command "${name}"`)
  const parsed = read(rest)
  if (typeof parsed === "string") return wrong(parsed)
  if (parsed.values.help) return { _tag: "Help", of: name }
  const foreign = Object.keys(parsed.values).find((option) => option !== "data" && !allowedOptions[name]!.includes(option))
  if (foreign !== undefined) return wrong(`${name} has no option --${foreign}`)
  return make(parsed.values, parsed.positionals)
}
