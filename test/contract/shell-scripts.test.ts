import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** Shell scripts run on bash 3.2 and BSD tools (macOS): what only newer or GNU ones know is refused. */

const root = fileURLToPath(new URL("../..", import.meta.url))

const forbidden: ReadonlyArray<readonly [what: string, pattern: RegExp, example: string]> = [
  ["associative arrays", /\b(declare|local|typeset)\s+-[a-zA-Z]*A/, "declare -A map"],
  ["name references", /\b(declare|local|typeset)\s+-[a-zA-Z]*n\b/, "local -n other=$1"],
  ["mapfile and readarray", /\b(mapfile|readarray)\b/, "mapfile -t lines"],
  ["case changes in expansions", /\$\{\w+(\[[^\]]*\])?(,,?|\^\^?)\}/, "${name,,}"],
  ["transformations in expansions", /\$\{\w+(\[[^\]]*\])?@[A-Za-z]\}/, "${name@Q}"],
  ["negative subscripts", /\$\{\w+\[-\d+\]\}/, "${list[-1]}"],
  ["|& and &>>", /\|&|&>>/, "make |& tee log"],
  ["coproc", /^\s*coproc\b/m, "coproc cat"],
  ["wait -n", /\bwait\s+-n\b/, "wait -n"],
  ["EPOCHSECONDS and the like", /\bEPOCH(SECONDS|REALTIME)\b/, "$EPOCHSECONDS"],
  ["printf %(…)T", /printf\s.*%\([^)]*\)T/, "printf '%(%F)T' -1"],
  ["[[ -v name ]]", /\[\[?\s+-v\s/, "[[ -v name ]]"],
  [";& and ;;&", /;;?&/, "a) echo ;;&"],
  ["sort -V", /\bsort\s+(-\w+\s+)*(-\w*V|--version-sort)/, "sort -V"],
  ["readlink -f, realpath", /\breadlink\s+(-f|-e|-m)\b|\brealpath\b/, "readlink -f x"],
  ["mktemp --suffix", /\bmktemp\b.*(--suffix|--tmpdir|\s-p\b)/, "mktemp --suffix=.json"],
  ["GNU date", /\bdate\s+(-d|--date|--iso|-I|.*%N)/, "date -d yesterday"],
  ["sed -i without a suffix, sed -r", /\bsed\s+(-\w+\s+)*(-i(\s|$)|-r\b)/, "sed -i s/a/b/ file"],
  ["grep -P", /\bgrep\s+(-\w+\s+)*-\w*P/, "grep -P '\\d'"],
  ["stat -c", /\bstat\s+(-c|--format)/, "stat -c %s file"],
  ["timeout", /^\s*timeout\s/m, "timeout 5 true"],
  ["cp and ln long options", /\b(cp|ln|mv|rm|mkdir)\s+--\w/, "cp --parents a b"],
  ["head and tail with a negative count", /\bhead\s+-n\s*-\d/, "head -n -1"],
  ["xargs -r and -d", /\bxargs\s+(-\w+\s+)*-[rd]\b/, "xargs -r rm"],
  ["an array that may be empty under set -u", /(?<!\+)"\$\{(rest|tried|arguments|args)\[@\]\}"(?!\})/, '"${rest[@]}"']
]

const code = (text: string) => text.split("\n").filter((line) => !/^\s*#/.test(line)).join("\n")

const findings = (text: string) => forbidden.filter(([, pattern]) => pattern.test(code(text))).map(([what]) => what)

const shellScripts = () =>
  ["scripts", ".ci", "examples"]
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.includes(".venv"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, text: readFileSync(path, "utf8") }))
    .filter(({ text }) => /^#(!.*\b(bash|sh)$| shellcheck shell=)/.test(text.split("\n", 1)[0] ?? ""))

describe("shell scripts", () => {
  it("are found", () => {
    const names = shellScripts().map(({ path }) => path.slice(root.length))
    assert.includeMembers(names, ["scripts/up", "scripts/test", "scripts/nats-server", "scripts/setup.sh", ".ci/run"])
  })

  it.each(forbidden)("would be refused for %s", (what, _, example) => {
    assert.include(findings(`#!/usr/bin/env bash\n${example}\n`), what)
  })

  it("keep to bash 3.2 and BSD tools", () => {
    for (const { path, text } of shellScripts()) {
      // The one list that is never empty when it is read.
      const allowed = path.endsWith("scripts/nats-server") ? ["an array that may be empty under set -u"] : []
      assert.deepStrictEqual(findings(text).filter((what) => !allowed.includes(what)), [], path)
    }
  })
})
