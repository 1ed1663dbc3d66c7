/** The configuration of the broker that `darkroom up` runs. Pure. */

export interface BrokerSettings {
  readonly port: number
  readonly monitorPort: number
  readonly storeDir: string
  readonly pidFile: string
  readonly user: string
  readonly password: string
}

/** Room for the streams' own limits with some to spare; the streams refuse work long before the disk is full. */
const fileStoreMaxBytes = 16 * 1024 ** 3
const memoryStoreMaxBytes = 64 * 1024 ** 2
/** A chunk of an image is 1 MiB; headers come on top. */
const payloadMaxBytes = 2 * 1024 ** 2

export const brokerConfig = (settings: BrokerSettings): string => `# Written by darkroom up; changes are overwritten.
server_name: darkroom
listen: "127.0.0.1:${settings.port}"
http: "127.0.0.1:${settings.monitorPort}"
pid_file: ${JSON.stringify(settings.pidFile)}
max_payload: ${payloadMaxBytes}
authorization {
  user: ${JSON.stringify(settings.user)}
  password: ${JSON.stringify(settings.password)}
}
jetstream {
  store_dir: ${JSON.stringify(settings.storeDir)}
  max_file_store: ${fileStoreMaxBytes}
  max_memory_store: ${memoryStoreMaxBytes}
  # An accepted job is on the disk before the answer.
  sync_interval: always
}
`
