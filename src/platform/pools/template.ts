/**
 * The `pool.yaml` that `darkroom up` starts with: one pool on this machine that sleeps after five idle minutes and wakes
 * with the next job.
 */
export const poolTemplate = (models: ReadonlyArray<string>): string => `# What Darkroom runs on this machine. Changes take effect at once; \`/api/gpu/scale\` edits this file too.
apiVersion: darkroom.dev/v1alpha1
kind: GpuPool
metadata:
  name: local
spec:
  # Agents kept running even when there is nothing to do.
  replicas: 0
  # Never more agents than this; each is a process with its own copy of the model.
  maxReplicas: 2
  models: [${models.join(", ")}]
  scaling:
    # One more agent for every so many unfinished jobs.
    jobsPerReplica: 4
    # How long an agent idles before it is stopped.
    cooldown: 300s
  placement:
    gpu:
      # 0: the CPU of this machine. 1: an NVIDIA GPU.
      count: 0
      product: CPU
  lifecycle:
    # How long a running job may take to end when its agent is asked to stop.
    drainTimeout: 60s
    startupTimeout: 120s
    maxPodFailures: 5
`
