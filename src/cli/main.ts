import { enableCompileCache } from "node:module"
import { parseCommand, usage } from "./arguments.ts"
import { compileCache } from "./place.ts"

/** `darkroom`: reads the command and loads only what it needs. */

// Halves the time that a program needs to start, from its second start on.
enableCompileCache(compileCache)

const command = parseCommand(process.argv.slice(2))

switch (command._tag) {
  case "Help":
    process.stdout.write(`${usage[command.of ?? ""] ?? usage[""]}\n`)
    break
  case "Version":
    process.stdout.write("darkroom 0.1.0\n")
    break
  case "Wrong":
    process.stderr.write(`darkroom: ${command.message}\n\n${usage[process.argv[2] ?? ""] ?? usage[""]}\n`)
    process.exitCode = 2
    break
  case "Up":
    (await import("./run.ts")).run((await import("./up/up.ts")).up(command))
    break
  case "Edit":
    (await import("./run.ts")).run((await import("./edit.ts")).editCommand(command))
    break
  case "Keys":
    (await import("./run.ts")).run((await import("./keys.ts")).keysCommand(command))
    break
  case "Pool":
    (await import("./run.ts")).run((await import("./pool.ts")).poolCommand(command))
    break
  case "Models":
    (await import("./run.ts")).run((await import("./models/models.ts")).modelsCommand(command.action, command.data), 130)
    break
  case "Doctor":
    (await import("./run.ts")).run((await import("./doctor.ts")).doctorCommand(command))
    break
}
