import { Config, Context, Duration, Effect, Layer, Queue, Result, Schema, Semaphore, Stream, SubscriptionRef } from "effect"
import { randomUUID } from "node:crypto"
import { type FSWatcher, watch } from "node:fs"
import { open, readFile, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, resolve } from "node:path"
import type { GpuPool } from "../../contract/GpuPool.ts"
import { describeProblem, parsePools, withReplicas } from "./document.ts"

/** `pool.yaml` cannot be read or written, or what it says is not a pool; `problems` name line and field. */
export class PoolFileError extends Schema.TaggedError<PoolFileError>()("PoolFileError", {
  path: Schema.String,
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `${this.path} is not usable:\n- ${this.problems.join("\n- ")}`
  }
}

export class PoolUnknown extends Schema.TaggedError<PoolUnknown>()("PoolUnknown", {
  pool: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `there is no pool "${this.pool}"; the pools are: ${this.known.join(", ")}`
  }
}

/** More replicas than the pool may ever have. */
export class ReplicasAboveCeiling extends Schema.TaggedError<ReplicasAboveCeiling>()("ReplicasAboveCeiling", {
  pool: Schema.String,
  replicas: Schema.Int,
  ceiling: Schema.Int
}) {
  override get message(): string {
    return `pool "${this.pool}" may have at most ${this.ceiling} replicas, ${this.replicas} were asked for`
  }
}

/** A change of the file is noticed by the system; this poll is for file systems that tell nothing. */
const pollIntervalMs = 2_000
const settleMs = 20

/** The pools of this machine: `pool.yaml`, read, watched and edited in place. The last good content stays in force. */
export class PoolFile extends Context.Service<PoolFile, {
  readonly path: string
  readonly current: Effect.Effect<ReadonlyArray<GpuPool>>
  /** The present pools, then each new content that decodes. */
  readonly changes: Stream.Stream<ReadonlyArray<GpuPool>>
  /** What is wrong with the file as it is now, while the last good content is in force. */
  readonly problem: Effect.Effect<PoolFileError | undefined>
  /**
   * Sets `spec.replicas`, keeping comments. Above `maxReplicas` that rises too, up to `maxReplicasCeiling`; without a
   * ceiling it stays. The answer is the pool as written; `current` has it at once.
   */
  readonly scale: (
    pool: string,
    replicas: number,
    maxReplicasCeiling?: number
  ) => Effect.Effect<GpuPool, PoolUnknown | ReplicasAboveCeiling | PoolFileError>
}>()("darkroom/platform/pools/PoolFile") {
  static readonly layerAt = (path: string) => Layer.effect(PoolFile, make(resolve(path)))
  /** `POOL_FILE` names the file. */
  static readonly layer = Layer.unwrap(
    Effect.map(Config.String("POOL_FILE").pipe(Config.withDefault("pool.yaml")), PoolFile.layerAt)
  )
}

const ioError = (path: string, what: string) => (cause: unknown) =>
  new PoolFileError({ path, problems: [`${what}: ${cause instanceof Error ? cause.message : String(cause)}`] })

const readText = (path: string) =>
  Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: ioError(path, "cannot be read (POOL_FILE names it)")
  })

const decode = (path: string, text: string): Effect.Effect<ReadonlyArray<GpuPool>, PoolFileError> =>
  Effect.fromResult(
    Result.mapError(parsePools(text), (problems) => new PoolFileError({ path, problems: problems.map(describeProblem) }))
  )

/** A reader sees the old text or the new one, never a part, also after a power cut. */
const replaceText = (path: string, text: string) => {
  const draft = `${path}.${randomUUID()}.tmp`
  return Effect.tryPromise({
    try: async () => {
      const { mode } = await stat(path)
      const file = await open(draft, "wx", mode & 0o777)
      await file.writeFile(text)
      await file.sync()
      await file.close()
      await rename(draft, path)
    },
    catch: ioError(path, "cannot be written")
  }).pipe(Effect.tapError(() => Effect.promise(() => rm(draft, { force: true }))))
}

/** Fires when the folder reports a change of the file: an editor may replace it, so the file itself is not watched. */
const notices = (path: string): Stream.Stream<void> =>
  Stream.callback<void>((queue) =>
    Effect.acquireRelease(
      Effect.sync((): FSWatcher | undefined => {
        const watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
          if (name === null || name === basename(path)) Queue.offerUnsafe(queue, undefined)
        })
        watcher.on("error", () => watcher.close())
        return watcher
      }).pipe(Effect.catchDefect(() => Effect.undefined)),
      (watcher) => Effect.sync(() => watcher?.close())
    ), { bufferSize: 1, strategy: "dropping" })

const make = Effect.fnUntraced(function*(path: string) {
  let text = yield* readText(path)
  const pools = yield* SubscriptionRef.make(yield* decode(path, text))
  let problem: PoolFileError | undefined
  const editing = yield* Semaphore.make(1)

  const reload = Effect.gen(function*() {
    const next = yield* readText(path)
    if (next === text && problem === undefined) return
    const decoded = yield* decode(path, next)
    problem = undefined
    if (next === text) return
    text = next
    yield* SubscriptionRef.set(pools, decoded)
  }).pipe(
    Effect.catchTag("PoolFileError", (error) => {
      if (problem?.message === error.message) return Effect.void
      problem = error
      return Effect.logWarning(`${error.message}\nthe last good content stays in force`)
    }),
    editing.withPermits(1)
  )

  yield* Stream.merge(notices(path), Stream.tick(Duration.millis(pollIntervalMs))).pipe(
    Stream.debounce(Duration.millis(settleMs)),
    Stream.runForEach(() => reload),
    Effect.forkScoped
  )

  const scale = Effect.fn("PoolFile.scale")(function*(name: string, replicas: number, maxReplicasCeiling?: number) {
    const before = yield* readText(path)
    const known = yield* decode(path, before)
    const pool = known.find((pool) => pool.metadata.name === name)
    if (pool === undefined) {
      return yield* new PoolUnknown({ pool: name, known: known.map((pool) => pool.metadata.name) })
    }
    const ceiling = Math.max(pool.spec.maxReplicas, maxReplicasCeiling ?? 0)
    if (replicas > ceiling) return yield* new ReplicasAboveCeiling({ pool: name, replicas, ceiling })
    const counts = { replicas, maxReplicas: Math.max(pool.spec.maxReplicas, replicas) }
    const after = withReplicas(before, name, counts) ?? before
    const written = yield* decode(path, after)
    if (after !== before) yield* replaceText(path, after)
    text = after
    problem = undefined
    yield* SubscriptionRef.set(pools, written)
    return { ...pool, spec: { ...pool.spec, ...counts } }
  }, editing.withPermits(1))

  return PoolFile.of({
    path,
    current: SubscriptionRef.get(pools),
    changes: SubscriptionRef.changes(pools),
    problem: Effect.sync(() => problem),
    scale
  })
})
