import { Layer } from "effect"
import { Blobs } from "../platform/blobs/Blobs.ts"
import { ApiKeys } from "../platform/nats/ApiKeys.ts"
import { Capacity } from "../platform/nats/Capacity.ts"
import { Connection } from "../platform/nats/Connection.ts"
import { JobLog } from "../platform/nats/JobLog.ts"
import { Lanes } from "../platform/nats/Lanes.ts"
import { Presence } from "../platform/nats/Presence.ts"
import { logReady } from "../platform/nats/provision.ts"
import { Signals } from "../platform/nats/Signals.ts"
import { PoolFile } from "../platform/pools/PoolFile.ts"
import { Admission } from "./admission/Admission.ts"
import { Recorder } from "./admission/Recorder.ts"
import { GatewayConfig } from "./config.ts"
import { keysReady } from "./keys.ts"
import { Metrics } from "./metrics/Metrics.ts"
import { PoolRegistry } from "./pools/PoolRegistry.ts"
import { Projection } from "./projection/Projection.ts"
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

const pools = PoolRegistry.layerFile.pipe(Layer.provide(PoolFile.layer))

/** All of the gateway but its listeners. */
export const services = Admission.layer.pipe(
  Layer.provide(Recorder.layer),
  Layer.provideMerge(Waiters.layer),
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
