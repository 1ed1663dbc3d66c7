import { kubectl, until } from "./cluster.ts"
import { containerOf, getOfPod, kill, podNamesOf } from "./faults.ts"

/** The three NATS servers: who leads which stream, and one that goes for as long as it shall. */

const monitorPort = 8222

interface StreamDetail {
  readonly name: string
  readonly cluster?: { readonly leader?: string; readonly replicas?: ReadonlyArray<{ readonly current: boolean; readonly offline?: boolean }> }
}

const streamsAsSeenBy = async (server: string): Promise<ReadonlyArray<StreamDetail>> => {
  const { account_details } = JSON.parse(await getOfPod(server, monitorPort, "/jsz?streams=1"))
  return account_details.flatMap(({ stream_detail }: any) => stream_detail ?? [])
}

/** Who leads a stream by its own words: what the others think may be old. */
const leaderOf = async (stream: string): Promise<string | undefined> => {
  for (const server of await podNamesOf("nats")) {
    const streams = await streamsAsSeenBy(server).catch(() => [])
    if (streams.find(({ name }) => name === stream)?.cluster?.leader === server) return server
  }
  return undefined
}

/** A server's name is its pod's. */
export const untilLed = (stream: string, limitMs: number, { notBy }: { readonly notBy?: string } = {}): Promise<string> =>
  until(`a leader of ${stream}${notBy === undefined ? "" : ` after ${notBy}`}`, async () => {
    const leader = await leaderOf(stream)
    return leader === notBy ? undefined : leader
  }, limitMs)

/** Until every stream has a leader and all its copies are up to date: only then may another server go. */
export const untilCaughtUp = (limitMs: number): Promise<true> =>
  until("all copies of all streams up to date", async () => {
    const servers = await podNamesOf("nats")
    const seen = await Promise.all(servers.map(async (server) => (await streamsAsSeenBy(server)).filter(({ cluster }) => cluster?.leader === server)))
    const led = seen.flat()
    const caughtUp = led.every(({ cluster }) => cluster?.replicas?.length === servers.length - 1 && cluster.replicas.every(({ current, offline }) => current && offline !== true))
    return servers.length === 3 && led.length >= 4 && caughtUp ? true : undefined
  }, limitMs)

export interface Absence {
  readonly server: string
  readonly end: () => Promise<void>
}

/**
 * Kills a server (SIGKILL) and keeps it away until the absence ends: its volume is on its node, and no pod may come to that
 * node meanwhile.
 */
export const killServer = async (server: string): Promise<Absence> => {
  const container = await containerOf(server)
  await kubectl(["cordon", container.node])
  await kill(container)
  await kubectl(["delete", "pod", server, "--grace-period=1", "--wait=true"])
  return { server, end: async () => void (await kubectl(["uncordon", container.node])) }
}

/** Whoever was kept away may come back; also after a failure that left nobody who remembers. */
export const endAbsences = async (): Promise<void> => {
  const nodes = (await kubectl(["get", "nodes", "-o", "jsonpath={.items[?(@.spec.unschedulable)].metadata.name}"])).split(" ").filter((name) => name !== "")
  for (const node of nodes) await kubectl(["uncordon", node])
}
