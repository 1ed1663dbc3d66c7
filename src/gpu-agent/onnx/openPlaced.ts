import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { ExecutionProvider } from "./device.ts"
import { describeNodes, isAboutPlacement, type Placement, readPlacement, refusedNodes } from "./placement.ts"
import { OnnxError, openSession, type Session, type SessionOptions } from "./session.ts"

const probe = fileURLToPath(new URL("./placementProbe.ts", import.meta.url))
const probeTimeoutMs = 300_000

/** Where the nodes of a graph go, found out in a process of its own. */
export const placementOf = (path: string, provider: ExecutionProvider): Effect.Effect<Placement> =>
  Effect.callback<Placement>((resume) => {
    const lines: Array<string> = []
    const child = spawn(process.execPath, [probe, path, provider], { stdio: ["ignore", "ignore", "pipe"], timeout: probeTimeoutMs, killSignal: "SIGKILL" })
    createInterface({ input: child.stderr }).on("line", (line) => isAboutPlacement(line) && lines.push(line))
    child.once("error", () => resume(Effect.succeed(readPlacement([]))))
    child.once("close", () => resume(Effect.succeed(readPlacement(lines))))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

const isFallbackRefused = (error: OnnxError): boolean => /assigned to the default CPU EP/.test(error.message)

const refusal = (path: string, nodes: ReadonlyArray<{ readonly operator: string; readonly name: string }>) =>
  new OnnxError({
    stage: "load",
    graph: path,
    cause: `CUDA has no kernel for ${nodes.length} of its nodes, which would run on the CPU with a copy there and back: ${describeNodes(nodes)}. ` +
      "Export it otherwise, or allow these operators in the variant's cpu_operators in model.json"
  })

/**
 * As `openSession`, but on a GPU no node runs on the CPU silently. ONNX Runtime's own switch for that knows no exceptions, and
 * refuses nearly every graph whose sizes are known only at run time; so what it refuses is looked at, node by node.
 */
export const openPlaced = (
  path: string,
  options: SessionOptions,
  allowedOperators: ReadonlyArray<string>
): Effect.Effect<Session, OnnxError, Scope.Scope> =>
  options.provider === "cpu"
    ? openSession(path, options)
    : openSession(path, { ...options, refuseCpuFallback: true }).pipe(
      Effect.catchIf(isFallbackRefused, (error) =>
        Effect.flatMap(placementOf(path, options.provider), (placement) => {
          const refused = refusedNodes(placement, allowedOperators)
          if (refused.length > 0) return Effect.fail(refusal(path, refused))
          // Without a list nothing is proven.
          return placement.missing.length + placement.preferred.length === 0 ? Effect.fail(error) : openSession(path, options)
        }))
    )
