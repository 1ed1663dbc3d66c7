import type { Device } from "../onnx/device.ts"

/** What an agent tells its engine. */
export interface EngineOptions {
  readonly device: Device
  /** Threads of the CPU provider. */
  readonly threads: number
  readonly testModels: boolean
  /** Load models on the CPU that are made for GPUs alone; false when absent. */
  readonly forceCpu?: boolean
  /** Resident memory at which the engine process is killed; below the container's limit (job-log rule 23). */
  readonly memoryMaxBytes: number
  /** What the models on a GPU may need together, by their manifests; without it what the GPU has, less a twentieth. */
  readonly gpuMemoryMaxBytes: number | undefined
  /** How long a cancelled run may take to its next step before its process is killed. */
  readonly cancelHardStopMs: number
  readonly setupTimeoutMs: number
  readonly loadTimeoutMs: number
  /** How long a model may take to leave the memory before the process is killed for it. */
  readonly unloadTimeoutMs: number
  /** Ends in a row, without a model loaded in between, after which the agent gives up. */
  readonly restartsMax: number
  readonly environment: Readonly<Record<string, string | undefined>>
}
