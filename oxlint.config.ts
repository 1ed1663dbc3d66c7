import type { OxlintConfig } from "oxlint"

/**
 * Which folder may import what. Dependencies point one way,
 *
 *   contract <- platform <- gateway | operator | gpu-agent <- cli
 *
 * and each SDK has one home, so that it can be replaced there. test/contract/lint-rules.test.ts shows that each rule bites.
 */

type Folder = "contract" | "platform" | "gateway" | "operator" | "gpu-agent" | "cli" | "testing"

const mayImport: Record<Folder, ReadonlyArray<Folder>> = {
  contract: [],
  platform: ["contract"],
  gateway: ["contract", "platform"],
  operator: ["contract", "platform"],
  "gpu-agent": ["contract", "platform"],
  cli: ["contract", "platform", "gateway", "operator", "gpu-agent"],
  testing: ["contract", "platform", "gateway", "operator", "gpu-agent", "cli"]
}
const folders = Object.keys(mayImport) as Array<Folder>

/** The only folders that may import these packages; tests and src/testing may too. */
const homes: ReadonlyArray<{ readonly packages: ReadonlyArray<string>; readonly home: ReadonlyArray<string> }> = [
  { packages: ["@nats-io/obj", "@nats-io/obj/*"], home: ["src/platform/blobs"] },
  {
    packages: ["@nats-io/*", "!@nats-io/obj", "!@nats-io/obj/*"],
    home: ["src/platform/nats", "src/platform/blobs"]
  },
  { packages: ["sharp", "sharp/*"], home: ["src/platform/images"] },
  { packages: ["onnxruntime-node", "onnxruntime-node/*", "onnxruntime-common"], home: ["src/gpu-agent/onnx"] },
  { packages: ["@huggingface/*"], home: ["src/gpu-agent/tokenizers"] },
  { packages: ["hono", "hono/*", "@hono/*"], home: ["src/gateway"] },
  { packages: ["@opentelemetry/*"], home: ["src/platform/telemetry"] },
  { packages: ["@kubernetes/client-node", "undici"], home: ["src/platform/kubernetes"] }
]

interface Pattern {
  readonly group?: Array<string>
  readonly regex?: string
  readonly message: string
}

const foreignFolders = (folder: Folder, alsoAllowed: ReadonlyArray<Folder> = []): ReadonlyArray<Pattern> => {
  const allowed = [folder, ...mayImport[folder], ...alsoAllowed]
  const foreign = folders.filter((other) => !allowed.includes(other))
  if (foreign.length === 0) return []
  return [{
    regex: `^(\\.\\./)+(src/)?(${foreign.join("|")})/`,
    message: `src/${folder} must not import this folder: dependencies point contract <- platform <- programs <- cli.`
  }]
}

const foreignPackages = (path: string): ReadonlyArray<Pattern> =>
  homes.filter(({ home }) => !home.includes(path)).map(({ home, packages }) => ({
    group: [...packages],
    message: `This package has one home: ${home.join(" and ")}. Use the services of that folder.`
  }))

const effectOnly: Pattern = {
  group: ["*", "!effect", "!effect/*", "!./*", "!../*"],
  message: "src/contract imports effect only, so that every program and client can share it."
}

const importRule = (patterns: ReadonlyArray<Pattern>) => ({
  "no-restricted-imports": ["error", { patterns: [...patterns] }] as ["error", { patterns: Array<Pattern> }]
})

const folderOfHome = (home: string) => home.split("/")[1] as Folder

/** A later override wins, so: whole folders first, then the homes inside them, then what tests may do. */
const importOverrides = [
  ...folders.map((folder) => ({
    files: [`src/${folder}/**/*.ts`],
    rules: importRule([
      ...foreignFolders(folder),
      ...(folder === "testing" ? [] : foreignPackages(`src/${folder}`)),
      ...(folder === "contract" ? [effectOnly] : [])
    ])
  })),
  ...[...new Set(homes.flatMap(({ home }) => home))].map((home) => ({
    files: [`${home}/**/*.ts`],
    rules: importRule([...foreignFolders(folderOfHome(home)), ...foreignPackages(home)])
  })),
  ...folders.filter((folder) => folder !== "testing").map((folder) => ({
    files: [`src/${folder}/**/*.test.ts`],
    rules: importRule(foreignFolders(folder, ["testing"]))
  }))
]

const config: OxlintConfig = {
  plugins: ["eslint", "typescript", "unicorn", "oxc", "import", "promise", "node", "vitest"],
  categories: { correctness: "error", suspicious: "error" },
  env: { builtin: true, node: true },
  options: { reportUnusedDisableDirectives: "error" },
  ignorePatterns: ["scripts/train-starter/**", "scripts/export/**", "web/**", "docs/**"],
  rules: {
    // Habits of Effect and of its tests: `_tag`, `Effect.catch`, `assert`, sections built by a function, functions beside their use.
    "no-underscore-dangle": "off",
    "promise/valid-params": "off",
    "vitest/expect-expect": "off",
    "vitest/valid-title": "off",
    "vitest/valid-describe-callback": "off",
    "unicorn/consistent-function-scoping": "off",
    "unicorn/no-array-sort": "off",
    "no-shadow": "off",
    "import/no-cycle": "error",
    "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
    // The aim is 70; the rest is for a service's generator, whose methods stand inside it.
    "max-lines-per-function": ["error", { max: 100, skipBlankLines: true, skipComments: true }],
    "max-params": ["error", { max: 4 }],
    "no-console": "error",
    "no-restricted-globals": [
      "error",
      { name: "setTimeout", message: "Use Effect.sleep, a Schedule or Effect.timeout: tests can then move the clock." },
      { name: "setInterval", message: "Use Effect.repeat with a Schedule: tests can then move the clock." }
    ],
    "no-restricted-properties": [
      "error",
      { object: "process", property: "env", message: "Read settings with Config, so that they are named and checked." },
      { object: "Date", property: "now", message: "Use effect's Clock: tests can then move it." },
      { object: "Math", property: "random", message: "Use effect's Random, or node:crypto where it must not be guessed." }
    ]
  },
  overrides: [
    ...importOverrides,
    {
      files: ["**/*.test.ts", "test/**/*.ts", "src/testing/**/*.ts", "bench/**/*.ts"],
      rules: { "max-lines-per-function": "off", "max-lines": ["error", { max: 800 }] }
    },
    {
      files: [
        "src/**/main.ts", "src/operator/local.ts", "src/platform/processes/endWithParent.ts", "src/cli/**/*.ts", "src/testing/**/*.ts", "**/*.test.ts", "test/**/*.ts", "bench/**/*.ts",
        "examples/**", "scripts/**", "*.config.ts"
      ],
      rules: { "no-console": "off", "no-restricted-globals": "off", "no-restricted-properties": "off" }
    }
  ]
}

export default config
