// Prints "<platform> <state>" about the folder of npm packages of the repository given as the first argument.
// state: "installed" (stamped for this lock file and platform), "unstamped" (npm itself put in what the lock file says,
// but nobody checked it yet), "stale" (must be installed). With "stamp" as the second argument it stamps the folder.
// Plain old JavaScript: this runs on whatever Node the machine has.
const { createHash } = require("node:crypto")
const { existsSync, readFileSync, writeFileSync } = require("node:fs")
const { join } = require("node:path")

const [root, action] = process.argv.slice(2)
const lockPath = join(root, "package-lock.json")
const stampPath = join(root, "node_modules", ".darkroom-installed")
const npmsOwnRecord = join(root, "node_modules", ".package-lock.json")
const nodePath = join(root, "node_modules", "node", "bin", "node")

const platform = () => {
  const name = `${process.platform}-${process.arch}`
  if (process.platform !== "linux") return name
  process.report.excludeNetwork = true
  return `${name}-${process.report.getReport().header.glibcVersionRuntime ? "glibc" : "musl"}`
}

const stamp = () => `${createHash("sha256").update(readFileSync(lockPath)).digest("hex")} ${platform()}\n`

const readPackages = (path) => JSON.parse(readFileSync(path, "utf8")).packages

/** Whether npm's record of what it installed agrees with the lock file; optional packages may be for other platforms. */
const npmInstalledTheLock = () => {
  if (!existsSync(npmsOwnRecord)) return false
  const installed = readPackages(npmsOwnRecord)
  return Object.entries(readPackages(lockPath)).every(([path, wanted]) => {
    if (path === "") return true
    const found = installed[path]
    return found === undefined ? wanted.optional === true : found.version === wanted.version
  })
}

const state = () => {
  const stamped = existsSync(stampPath) ? readFileSync(stampPath, "utf8").trim() : ""
  if (existsSync(nodePath) && stamped === stamp().trim()) return "installed"
  // A folder that came from another machine has that one's binaries.
  if (stamped !== "" && !stamped.endsWith(` ${platform()}`)) return "stale"
  return npmInstalledTheLock() && existsSync(nodePath) ? "unstamped" : "stale"
}

if (action === "stamp") writeFileSync(stampPath, stamp())
process.stdout.write(`${platform()} ${state()}\n`)
