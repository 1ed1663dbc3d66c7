import { row } from "../figures.ts"
import type { EditSample } from "./cluster.ts"
import type { Idle, Stage } from "./fill.ts"
import type { Footprint } from "./programs.ts"
import type { WakeSample } from "./wakes.ts"

/** The figures as a person reads them; the samples themselves are in the file of `--json`. */

const countsText = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(", ") || "none"

const memory = ({ fileMiB, peakMiB, rssMiB }: Footprint): string =>
  `operator ${rssMiB.toFixed(0)} MiB resident (${fileMiB.toFixed(0)} of them files, Node above all), ${peakMiB.toFixed(0)} at most`

export const wakesText = (samples: ReadonlyArray<WakeSample>): ReadonlyArray<string> => [
  row("job stored by the broker -> Pod stored by the API server", samples.map((one) => one.storedToPod)),
  row("request sent -> job stored", samples.map((one) => one.postToStored)),
  row("request sent -> 202 received", samples.map((one) => one.postToAnswer)),
  row("request sent -> Pod stored", samples.map((one) => one.postToPod))
]

export const stageText = ({ askedS, calls, cpuS, leaseCalls, operator, operatorCpuS, podsWrittenS, reconciles, seconds, what }: Stage): ReadonlyArray<string> => [
  `${what}: ${seconds.toFixed(1)} s (the last pod written after ${podsWrittenS.toFixed(1)} s; to ask for it took ${askedS.toFixed(1)} s)`,
  `  ${memory(operator)}; ${operatorCpuS.toFixed(1)} s of processor time for ${reconciles} looks at pools`,
  `  processor time of all, in seconds: ${Object.entries(cpuS).sort(([, a], [, b]) => b - a).map(([name, seconds]) => `${name} ${seconds.toFixed(1)}`).join(", ")}`,
  `  calls of the operator: ${countsText(calls)}; leases ${leaseCalls}`
]

export const idleText = ({ calls, leaseRenewalsAMinute, operator, operatorCpu, readsAMinute, reconciles, seconds, what, writesAMinute }: Idle): ReadonlyArray<string> => [
  `${what}, for ${seconds.toFixed(0)} s: ${writesAMinute.toFixed(1)} writes and ${readsAMinute.toFixed(1)} reads a minute, beside ${leaseRenewalsAMinute.toFixed(0)} renewals of the lease`,
  `  ${memory(operator)}; ${(operatorCpu * 100).toFixed(0)} % of a core for ${(reconciles / seconds).toFixed(1)} looks at pools a second${Object.keys(calls).length === 0 ? "" : `; calls: ${countsText(calls)}`}`
]

export const editsText = (samples: ReadonlyArray<EditSample>): ReadonlyArray<string> => [
  row("request sent -> Pod seen by a watch", samples.map((one) => one.podMs)),
  row("request sent -> container runs", samples.map((one) => one.runningMs)),
  row("request sent -> edited photo received", samples.map((one) => one.imageMs))
]
