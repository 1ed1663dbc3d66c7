import { Effect, Schema } from "effect"
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs"

/** Another process, still alive, holds the lock. */
export class Locked extends Schema.TaggedError<Locked>()("Locked", {
  path: Schema.String,
  pid: Schema.Int,
  what: Schema.String
}) {
  override get message(): string {
    return `${this.what} already runs here (process ${this.pid}, lock ${this.path}): stop it first, or use another folder`
  }
}

/** Whether a process with this id exists, also when it belongs to somebody else. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const ownerOf = (path: string): number | undefined => {
  try {
    const pid = Number.parseInt(readFileSync(path, "utf8"), 10)
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

/** A hard link appears whole or not at all, so nobody reads a lock that has no owner yet. */
const tryTake = (path: string): boolean => {
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${process.pid}\n`)
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    return false
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Holds a lock file with this process's id until the scope closes; a lock whose owner is gone is taken over. */
export const lockFile = (path: string, what: string) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      for (let attempt = 0; attempt < 3; attempt++) {
        if (tryTake(path)) return Effect.void
        const owner = ownerOf(path)
        if (owner !== undefined && owner !== process.pid && isAlive(owner)) {
          return Effect.fail(new Locked({ path, pid: owner, what }))
        }
        rmSync(path, { force: true })
      }
      return Effect.die(new Error(`${path} cannot be locked`))
    }),
    () => Effect.sync(() => ownerOf(path) === process.pid && rmSync(path, { force: true }))
  )
