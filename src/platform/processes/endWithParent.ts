/**
 * Loaded with `node --import` into every process that Darkroom starts with an IPC channel: when the parent is gone, also
 * by SIGKILL, the channel closes and the process ends itself. Nothing else uses the channel.
 */

/** After SIGTERM a program has its own, shorter grace time; this is for one that hangs. */
const hardStopMs = 20_000

if (process.channel) {
  process.once("disconnect", () => {
    process.kill(process.pid, "SIGTERM")
    setTimeout(() => process.exit(137), hardStopMs).unref()
  })
  // Listening must not keep a program alive that has nothing left to do.
  process.channel.unref()
}
