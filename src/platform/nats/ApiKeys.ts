import { Context, type Effect, type Redacted } from "effect"
import type { ApiKeyRecord, Scope } from "../../contract/ApiKey.ts"
import type { LogUnavailable } from "./errors.ts"

/** API keys in the bucket KEYS: stored hashed, looked up by id, compared in constant time, watched so that changes need no restart. */
export class ApiKeys extends Context.Service<ApiKeys, {
  readonly verify: (key: string) => Effect.Effect<ApiKeyRecord | undefined, LogUnavailable>
  /** Shows the key once: `dkr_<base62><6 base62 of CRC-32>`. */
  readonly create: (options: {
    readonly name: string
    readonly scopes: ReadonlyArray<Scope>
    readonly expiresAt?: string
  }) => Effect.Effect<{ readonly key: Redacted.Redacted<string>; readonly record: ApiKeyRecord }, LogUnavailable>
  /** Stores a key chosen by the operator of the system (environment); the same key twice is one record. */
  readonly adopt: (key: Redacted.Redacted<string>, name: string, scopes: ReadonlyArray<Scope>) => Effect.Effect<ApiKeyRecord, LogUnavailable>
  readonly list: Effect.Effect<ReadonlyArray<ApiKeyRecord>, LogUnavailable>
  readonly revoke: (id: string) => Effect.Effect<void, LogUnavailable>
}>()("darkroom/platform/nats/ApiKeys") {}
