import { Effect, Layer, Redacted } from "effect"
import type { Scope } from "../contract/ApiKey.ts"
import { ApiKeys } from "../platform/nats/ApiKeys.ts"
import { brokerOf } from "./broker.ts"

export interface KeysOptions {
  readonly action: "create" | "list" | "revoke"
  /** The new key's name, or the id of the one to revoke. */
  readonly name: string | undefined
  readonly scopes: ReadonlyArray<string>
  readonly data: string | undefined
}

const say = (line: string) => Effect.sync(() => void process.stdout.write(`${line}\n`))

const act = Effect.fnUntraced(function*({ action, name = "", scopes }: KeysOptions) {
  const keys = yield* ApiKeys
  if (action === "list") {
    for (const key of yield* keys.list) {
      yield* say(`${key.id}  ${key.name}  ${key.scopes.join(",")}  since ${key.created_at}${key.expires_at === null ? "" : `  until ${key.expires_at}`}`)
    }
    return
  }
  if (action === "revoke") {
    const known = yield* keys.list
    if (!known.some((key) => key.id === name)) {
      return yield* Effect.fail(new Error(`there is no key "${name}": \`darkroom keys list\` shows the id of each, in the first column`))
    }
    yield* keys.revoke(name)
    return yield* say(`${name} is revoked`)
  }
  const { key, record } = yield* keys.create({ name, scopes: scopes as ReadonlyArray<Scope> })
  process.stderr.write(`key ${record.id} (${record.scopes.join(",")}); it is shown only now:\n`)
  yield* say(Redacted.value(key))
})

/** `darkroom keys`: straight to the broker, so that it works before any gateway has a key. */
export const keysCommand = (options: KeysOptions) =>
  act(options).pipe(Effect.provide(ApiKeys.layer.pipe(Layer.provide(brokerOf(options.data)))))
