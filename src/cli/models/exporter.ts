import { Effect } from "effect"
import { join } from "node:path"
import type { ModelPlaces } from "./places.ts"
import { ProgramFailed, runLogged } from "./process.ts"
import { makeProgress, parseEvent } from "./progress.ts"

/** Runs `python -m darkroom_export` and shows what it does. Fails with its own words. */
export const exportModel = (python: string, planPath: string, { cacheDir, exporter }: ModelPlaces): Effect.Effect<void, ProgramFailed> =>
  Effect.suspend(() => {
    const progress = makeProgress((text) => process.stdout.write(text), process.stdout.isTTY)
    let reason: string | undefined
    let isDone = false
    return runLogged({
      command: [python, "-m", "darkroom_export", planPath],
      log: join(cacheDir, "export.log"),
      env: { PYTHONPATH: exporter, PYTHONUNBUFFERED: "1", HF_HUB_DISABLE_TELEMETRY: "1", TOKENIZERS_PARALLELISM: "false" },
      onLine: (line) => {
        const event = parseEvent(line)
        if (event?.event === "error") reason = event.message
        if (event?.event === "done") isDone = true
        if (event !== undefined) progress.show(event)
      }
    }).pipe(
      Effect.ensuring(Effect.sync(() => progress.end())),
      Effect.mapError((error) => (reason === undefined ? error : new ProgramFailed({ reason }))),
      Effect.andThen(() => (isDone ? Effect.void : Effect.fail(new ProgramFailed({ reason: `${python} -m darkroom_export ended without a word` }))))
    )
  })
