import { kill, pid, ppid } from "node:process"
import { parentPort } from "node:worker_threads"

/**
 * Runs as a thread of the engine process and ends it when its parent is gone. The main thread cannot do this itself:
 * inside a graph, or hanging, it hears nothing, and an orphan would hold the GPU for ever.
 */
const checkEveryMs = 500
const parent = ppid

setInterval(() => {
  // An orphan is given to another process at once.
  if (process.ppid !== parent) kill(pid, "SIGKILL")
}, checkEveryMs)
parentPort?.postMessage("watching")
