/** Which nodes ONNX Runtime gave to which provider, as its verbose log tells it. Pure. */

export interface CpuNode {
  readonly operator: string
  readonly name: string
}

export interface Placement {
  /** Left to the CPU because the provider has no kernel for them. */
  readonly missing: ReadonlyArray<CpuNode>
  /** Put on the CPU on purpose: arithmetic with a few numbers of a shape, cheaper there than a copy to the GPU and back. */
  readonly preferred: ReadonlyArray<CpuNode>
}

const cpu = "CPUExecutionProvider"
const preference = /Force fallback to CPU execution for node: (.*?) because/
const some = /Node\(s\) placed on \[(\w+)\]\. Number of nodes: \d+/
const all = /All nodes placed on \[(\w+)\]\. Number of nodes: (\d+)/
const node = /VerifyEachNodeIsAssignedToAnEp\]\s+(\S+) \((.*)\)\s*$/

/** Whether a line of the log says anything about placement: the rest need not be kept. */
export const isAboutPlacement = (line: string): boolean => line.includes("VerifyEachNodeIsAssignedToAnEp") || preference.test(line)

export const readPlacement = (lines: Iterable<string>): Placement => {
  const wanted = new Set<string>()
  const onCpu: Array<CpuNode> = []
  let provider: string | undefined
  for (const line of lines) {
    const name = preference.exec(line)?.[1]
    if (name !== undefined) wanted.add(name)
    const whole = all.exec(line)
    if (whole?.[1] === cpu) onCpu.push({ operator: "every node", name: `${whole[2]} of ${whole[2]}` })
    const part = some.exec(line)
    if (part !== null) provider = part[1]
    const found = part === null && whole === null ? node.exec(line) : null
    if (found !== null && provider === cpu) onCpu.push({ operator: found[1]!, name: found[2]! })
  }
  const isPreferred = (one: CpuNode) => one.name !== "" && wanted.has(one.name)
  return { missing: onCpu.filter((one) => !isPreferred(one)), preferred: onCpu.filter(isPreferred) }
}

const listedMax = 20

/** What is refused: nodes for which the GPU has no kernel and that the variant does not allow on the CPU by their operator. */
export const refusedNodes = ({ missing }: Placement, allowedOperators: ReadonlyArray<string>): ReadonlyArray<CpuNode> =>
  missing.filter((one) => !allowedOperators.includes(one.operator))

export const describeNodes = (nodes: ReadonlyArray<CpuNode>): string =>
  `${nodes.slice(0, listedMax).map(({ name, operator }) => `${operator} (${name})`).join(", ")}${nodes.length > listedMax ? ` and ${nodes.length - listedMax} more` : ""}`
