import { kill, pid, ppid } from "node:process"
import { parentPort } from "node:worker_threads"

/**
 * Runs as a thread of the engine process and ends it when its parent is gone. The main thread cannot do this itself:
 * inside a graph, or hanging, it hears nothing, and an orphan would hold the GPU for ever. Without Effect, so that it
 * watches before the engine has loaded anything.
 */
const checkEveryMs = 500
const parent = ppid

// oxlint-disable-next-line no-restricted-globals -- see above
setInterval(() => {
  // An orphan is given to another process at once.
  if (process.ppid !== parent) kill(pid, "SIGKILL")
}, checkEveryMs)
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
parentPort?.postMessage("watching")
