/**
 * The `pool.yaml` that `darkroom up` starts with: one pool on this machine that sleeps after five idle minutes and wakes
 * with the next job.
 */
export const poolTemplate = (models: ReadonlyArray<string>, gpus: 0 | 1 = 0): string => `# What Darkroom runs on this machine. Changes take effect at once; \`/api/gpu/scale\` edits this file too.
apiVersion: darkroom.dev/v1alpha1
kind: GpuPool
metadata:
  name: local
spec:
  # Agents kept running even when there is nothing to do.
  replicas: 0
  # Never more agents than this; each is a process with its own copies of the models that it uses.
  maxReplicas: 2
  # The first is loaded at the start, the others when a job asks for them. \`darkroom up\` adds what was installed since
  # its last start and takes out what was removed; what you change here stays so.
  models: [${models.join(", ")}]
  scaling:
    # One more agent for every so many unfinished jobs.
    jobsPerReplica: 4
    # How long an agent idles before it is stopped.
    cooldown: 300s
  placement:
    gpu:
      # 0: the CPU of this machine. 1: an NVIDIA GPU.
      count: ${gpus}
      product: ${gpus === 0 ? "CPU" : "GPU"}
  lifecycle:
    # How long a running job may take to end when its agent is asked to stop.
    drainTimeout: 60s
    startupTimeout: 120s
    maxPodFailures: 5
`
