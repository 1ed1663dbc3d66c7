import { Effect, Layer } from "effect"
import { Blobs } from "../platform/blobs/Blobs.ts"
import { ApiKeys } from "../platform/nats/ApiKeys.ts"
import { Capacity } from "../platform/nats/Capacity.ts"
import { Connection } from "../platform/nats/Connection.ts"
import { JobLog } from "../platform/nats/JobLog.ts"
import { Lanes } from "../platform/nats/Lanes.ts"
import { Presence } from "../platform/nats/Presence.ts"
import { logReady } from "../platform/nats/provision.ts"
import { Signals } from "../platform/nats/Signals.ts"
import { KubeClient } from "../platform/kubernetes/KubeClient.ts"
import { PoolFile } from "../platform/pools/PoolFile.ts"
import { Admission } from "./admission/Admission.ts"
import { Recorder } from "./admission/Recorder.ts"
import { GatewayConfig, poolSource } from "./config.ts"
import { keysReady } from "./keys.ts"
import { Metrics } from "./metrics/Metrics.ts"
import { PoolRegistry } from "./pools/PoolRegistry.ts"
import { layerResources } from "./pools/resources.ts"
import { Projection } from "./projection/Projection.ts"
import { Readiness } from "./Readiness.ts"
import { Servers } from "./Servers.ts"
import { Shutdown } from "./Shutdown.ts"
import { Sweeper } from "./sweeper/Sweeper.ts"
import { FeedHub } from "./waiting/FeedHub.ts"
import { ProgressHub } from "./waiting/ProgressHub.ts"
import { Waiters } from "./waiting/Waiters.ts"

/** The log and what hangs on it; its streams exist before anybody uses them. */
const platform = Layer.mergeAll(JobLog.layer, Lanes.layer, Presence.layer, Signals.layer, Blobs.layer, ApiKeys.layer, Capacity.layer)
  .pipe(Layer.provideMerge(logReady), Layer.provideMerge(Connection.layer("gateway")))

const foundation = Layer.mergeAll(GatewayConfig.layer, Metrics.layer, Shutdown.layer).pipe(Layer.provideMerge(platform))

const poolsOfFile = PoolRegistry.layerFile.pipe(Layer.provide(PoolFile.layer))
const poolsOfCluster = layerResources.pipe(Layer.provide(KubeClient.layer("darkroom-gateway")))
type PoolsLayer = Layer.Layer<
  PoolRegistry,
  Layer.Error<typeof poolsOfFile> | Layer.Error<typeof poolsOfCluster>,
  Layer.Services<typeof poolsOfFile> | Layer.Services<typeof poolsOfCluster>
>

const pools = Layer.unwrap(Effect.map(poolSource, (source): PoolsLayer => (source === "kubernetes" ? poolsOfCluster : poolsOfFile)))

/** All of the gateway but its listeners. */
export const services = Admission.layer.pipe(
  Layer.provide(Recorder.layer),
  Layer.provideMerge(Layer.merge(Waiters.layer, Readiness.layer)),
  Layer.provideMerge(FeedHub.layer),
  Layer.provideMerge(ProgressHub.layer),
  Layer.provideMerge(Projection.layer),
  Layer.provideMerge(pools),
  Layer.provideMerge(foundation)
)

const sweeping = Sweeper.layerLoop.pipe(Layer.provide(Sweeper.layer))

/** The whole gateway; its configuration comes from the environment. */
export const gateway = Layer.mergeAll(Servers.layer, sweeping).pipe(
  Layer.provide(keysReady),
  Layer.provideMerge(services)
)
