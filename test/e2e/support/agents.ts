import { until } from "./cluster.ts"
import { getOfPod } from "./faults.ts"
import { getPool, livePods } from "./pools.ts"

/** Which agent does what: what a person finds out with kubectl exec and logs. */

const healthPort = 8080
const brokerPort = 8222
const brokers = ["nats-0", "nats-1", "nats-2"]

/** By job id, the pod of the pool that runs it now. */
export const jobsAtWork = async (pool: string): Promise<ReadonlyMap<string, string>> => {
  const pods = await livePods(pool)
  const jobs = await Promise.all(pods.map(async ({ metadata: { name } }) => {
    const { job_id } = JSON.parse(await getOfPod(name, healthPort, "/livez"))
    return [job_id, name] as const
  }))
  return new Map(jobs.filter(([jobId]) => jobId !== null))
}

/** Waits until these jobs run at the same time; the pod of each. */
export const untilAtWork = (pool: string, jobIds: ReadonlyArray<string>, limitMs: number): Promise<ReadonlyMap<string, string>> =>
  until(`${jobIds.length} jobs at work in pool ${pool}`, async () => {
    const jobs = await jobsAtWork(pool)
    return jobIds.every((id) => jobs.has(id)) ? jobs : undefined
  }, limitMs)

export const untilReady = (pool: string, count: number, limitMs: number): Promise<unknown> =>
  until(`${count} ready agents in pool ${pool}`, async () => ((await getPool(pool)).status?.readyReplicas === count ? true : undefined), limitMs)

/** The pool's lanes, as the three brokers have them: consumers of WORK whose names begin with the pool's. */
export const lanesOf = async (pool: string): Promise<ReadonlyArray<string>> => {
  const names = await Promise.all(brokers.map(async (broker) => {
    const { account_details } = JSON.parse(await getOfPod(broker, brokerPort, "/jsz?consumers=1"))
    const streams: ReadonlyArray<any> = account_details.flatMap(({ stream_detail }: any) => stream_detail ?? [])
    return streams.filter(({ name }) => name === "WORK").flatMap(({ consumer_detail }) => consumer_detail ?? []).map(({ name }: any): string => name)
  }))
  return [...new Set(names.flat())].filter((name) => name.startsWith(`${pool}=`))
}
