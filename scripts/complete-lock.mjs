// Adds to package-lock.json the optional packages of other platforms that npm left out of it.
//
// npm drops an optional package that its registry does not serve (a mirror may hold the binaries of a few platforms only).
// The lock file it writes then makes `npm ci` fail with "Missing: … from lock file", everywhere. Run this after every
// `npm install` behind such a mirror; test/contract/lock-file.test.ts says when it was forgotten. The entries have no
// checksum: npm never fetches them on the platforms it knew, and elsewhere takes what its registry answers.
import { readFileSync, writeFileSync } from "node:fs"

const path = new URL("../package-lock.json", import.meta.url)
const lock = JSON.parse(readFileSync(path, "utf8"))

const systems = ["aix", "android", "darwin", "freebsd", "linux", "openharmony", "win32"]
const processors = ["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "wasm32", "x64"]
const libcs = { gnu: "glibc", gnueabihf: "glibc", musl: "musl", musleabihf: "musl" }

/** What the name says about the platform, as in "@scope/binding-linux-arm64-musl". */
const platformOf = (name) => {
  const words = name.split("/").at(-1).split("-")
  const os = words.filter((word) => systems.includes(word))
  const cpu = words.filter((word) => processors.includes(word))
  const libc = words.flatMap((word) => (word in libcs ? [libcs[word]] : []))
  if (os.length === 0 && cpu.length === 0) throw new Error(`${name} does not say which platform it is for; add it by hand.`)
  return { ...(cpu.length > 0 ? { cpu } : {}), ...(os.length > 0 ? { os } : {}), ...(libc.length > 0 ? { libc } : {}) }
}

/** Where Node would look for `name` from the package at `from`. */
const places = (from, name) => {
  const parents = from.split("/node_modules/")
  const upwards = parents.map((_, index) => parents.slice(0, parents.length - index).join("/node_modules/"))
  return [...upwards.map((parent) => `${parent}/node_modules/${name}`), `node_modules/${name}`]
}

const added = []
for (const [from, found] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(found.optionalDependencies ?? {})) {
    if (from === "" || places(from, name).some((place) => place in lock.packages)) continue
    const { cpu, libc, os } = platformOf(name)
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(cpu && { cpu }),
      ...(found.dev && { dev: true }),
      ...(libc && { libc }),
      optional: true,
      ...(os && { os })
    }
    added.push(`${name}@${version}`)
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en")))
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
console.log(added.length === 0 ? "package-lock.json is complete." : `Added to package-lock.json:\n${added.map((line) => `  ${line}`).join("\n")}`)
