import { durationMs, type GpuPool } from "../../contract/GpuPool.ts"
import { agentContainer, poolLabel, revisionHash, revisionLabel, slotLabel } from "../fleet/podNames.ts"
import { asList, asObject, namedOver, type Json, type JsonObject } from "./overlay.ts"
import { affinityOf, gpuTolerations, resourcesOf, schedulingOf } from "./podPlacement.ts"

/** The Pod of one agent, written from the pool's spec and the operator's settings. Pure. */

/** What the operator knows that a pool does not say. */
export interface PodSettings {
  readonly image: { readonly cpu: string; readonly cuda: string }
  /** Address of the broker as pods reach it; `tls://` asks for the CA in the secret. */
  readonly natsUrl: string
  /** Secret with `user`, `password` and `ca.crt`; `{pool}` in the name is the pool's. "" = none. */
  readonly natsSecret: string
  /** Given to every agent, such as the address of a trace collector. */
  readonly environment: Readonly<Record<string, string>>
}

export interface PodPlace {
  readonly name: string
  readonly slot: number
  readonly revision: string
}

/** The pool that pods belong to. */
export type Owner = Pick<GpuPool, "spec"> & { readonly metadata: { readonly name: string; readonly uid: string } }

const modelsPath = "/models"
const scratchPath = "/tmp"
const natsPath = "/etc/darkroom/nats"
const healthPort = 8080

/** Between an agent's own grace and the kubelet's SIGKILL: to give a job back and say goodbye. */
const goodbyeS = 15

/**
 * The operator deletes only pods whose agents have confirmed that they hold no job. So a busy agent that is told to end is
 * on a node that is being drained or taken away (a spot notice leaves two minutes): a short job may end, a longer one is
 * given back at once and goes on elsewhere.
 */
const evictedGraceMs = 5_000

const isTls = (settings: PodSettings) => settings.natsUrl.startsWith("tls://")

const secretOf = (owner: Owner, settings: PodSettings): string => settings.natsSecret.replaceAll("{pool}", owner.metadata.name)

const fromSecret = (name: string, variable: string, key: string): JsonObject => ({
  name: variable,
  valueFrom: { secretKeyRef: { name, key } }
})

/** Who the agent is: nothing may say otherwise. */
const identityOf = ({ metadata, spec }: Owner): ReadonlyArray<JsonObject> => [
  { name: "AGENT_ID", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } },
  { name: "DARKROOM_POOL", value: metadata.name },
  { name: "DARKROOM_MODELS", value: spec.models.join(",") }
]

/** What the template may change. */
const defaultsOf = (owner: Owner, settings: PodSettings): ReadonlyArray<JsonObject> => {
  const { lifecycle, modelCache, placement } = owner.spec
  const secret = secretOf(owner, settings)
  return [
    { name: "DARKROOM_DEVICE", value: placement.gpu.count === 0 ? "cpu" : "cuda" },
    { name: "AGENT_GRACE", value: `${Math.min(evictedGraceMs, durationMs(lifecycle.drainTimeout))}ms` },
    { name: "AGENT_HEALTH_HOST", value: "0.0.0.0" },
    { name: "AGENT_HEALTH_PORT", value: String(healthPort) },
    { name: "XDG_CACHE_HOME", value: `${scratchPath}/cache` },
    { name: "NATS_URL", value: settings.natsUrl },
    ...(secret === "" ? [] : [fromSecret(secret, "NATS_USER", "user"), fromSecret(secret, "NATS_PASSWORD", "password")]),
    ...(secret !== "" && isTls(settings) ? [{ name: "NATS_CA_FILE", value: `${natsPath}/ca.crt` }] : []),
    ...(modelCache === undefined ? [] : [{ name: "MODELS_DIR", value: modelsPath }]),
    ...Object.entries(settings.environment).map(([name, value]) => ({ name, value }))
  ]
}

const volumesOf = (owner: Owner, settings: PodSettings): ReadonlyArray<JsonObject> => {
  const { modelCache } = owner.spec
  const secret = secretOf(owner, settings)
  const models: ReadonlyArray<JsonObject> = modelCache === undefined
    ? []
    : modelCache.type === "PersistentVolumeClaim"
      ? [{ name: "models", persistentVolumeClaim: { claimName: modelCache.claimName ?? "", readOnly: true } }]
      : [{ name: "models", image: { reference: modelCache.reference ?? "", pullPolicy: "IfNotPresent" } }]
  return [
    { name: "scratch", emptyDir: {} },
    ...models,
    ...(secret !== "" && isTls(settings)
      ? [{ name: "nats-ca", secret: { secretName: secret, items: [{ key: "ca.crt", path: "ca.crt" }] } }]
      : [])
  ]
}

const mountsOf = (owner: Owner, settings: PodSettings): ReadonlyArray<JsonObject> => [
  { name: "scratch", mountPath: scratchPath },
  ...(owner.spec.modelCache === undefined ? [] : [{ name: "models", mountPath: modelsPath, readOnly: true }]),
  ...(settings.natsSecret !== "" && isTls(settings) ? [{ name: "nats-ca", mountPath: natsPath, readOnly: true }] : [])
]

const probe = (path: string, more: JsonObject): JsonObject => ({
  httpGet: { path, port: "health" },
  timeoutSeconds: 5,
  ...more
})

/**
 * A process that has not bound its port yet is starting; from then on it says itself how it is. One that is starved on a
 * node that is too busy has two minutes: its death would cost a job and help nobody.
 */
const probes: JsonObject = {
  startupProbe: probe("/livez", { periodSeconds: 1, failureThreshold: 60 }),
  livenessProbe: probe("/livez", { periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 12 }),
  readinessProbe: probe("/readyz", { periodSeconds: 2, failureThreshold: 3 })
}

/** What `pod-security.kubernetes.io/enforce: restricted` asks for, and a root file system that stays as it was built. */
const containerSecurity: JsonObject = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] }
}
const podSecurity: JsonObject = { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } }

const agentOf = (owner: Owner, settings: PodSettings, template: JsonObject): JsonObject => {
  const given = asList(template["containers"]).map(asObject).find((container) => container["name"] === agentContainer) ?? {}
  const image = owner.spec.placement.gpu.count === 0 ? settings.image.cpu : settings.image.cuda
  const env = namedOver(namedOver(defaultsOf(owner, settings), asList(given["env"])), identityOf(owner))
  return {
    ...probes,
    image,
    imagePullPolicy: "IfNotPresent",
    terminationMessagePolicy: "FallbackToLogsOnError",
    ...given,
    name: agentContainer,
    env,
    ports: namedOver([{ name: "health", containerPort: healthPort }], asList(given["ports"])),
    resources: resourcesOf(owner.spec.placement, asObject(given["resources"])),
    securityContext: { ...containerSecurity, ...asObject(given["securityContext"]) },
    volumeMounts: [...mountsOf(owner, settings), ...asList(given["volumeMounts"])]
  }
}

const otherContainers = (template: JsonObject): ReadonlyArray<Json> =>
  asList(template["containers"]).filter((container) => asObject(container)["name"] !== agentContainer)

const specOf = (owner: Owner, settings: PodSettings): JsonObject => {
  const template = asObject(owner.spec.template?.spec as Json | undefined)
  const { lifecycle, placement } = owner.spec
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // Else the agent is process 1, which the kernel spares a SIGTERM that it has no handler for: asked to end while Node still
    // starts, it would stay for the whole grace period.
    shareProcessNamespace: true,
    ...template,
    ...schedulingOf(owner.metadata.name, placement, template),
    affinity: affinityOf(placement, asObject(template["affinity"])),
    tolerations: [...asList(template["tolerations"]), ...asList(placement.tolerations as Json | undefined), ...gpuTolerations(placement)],
    // A pool's agent comes back in its pod; the pod itself goes only when the operator says so.
    restartPolicy: "Always",
    terminationGracePeriodSeconds: Math.ceil(durationMs(lifecycle.drainTimeout) / 1_000) + goodbyeS,
    securityContext: { ...podSecurity, ...asObject(template["securityContext"]) },
    volumes: namedOver(volumesOf(owner, settings), asList(template["volumes"])),
    containers: [agentOf(owner, settings, template), ...otherContainers(template)]
  }
}

const labelsOf = (owner: Owner): JsonObject => ({
  ...owner.spec.template?.metadata?.labels,
  ...(owner.spec.placement.queueName === undefined ? {} : { "kueue.x-k8s.io/queue-name": owner.spec.placement.queueName }),
  "app.kubernetes.io/name": "darkroom-agent",
  "app.kubernetes.io/component": "agent",
  "app.kubernetes.io/part-of": "darkroom",
  "app.kubernetes.io/managed-by": "darkroom-operator",
  [poolLabel]: owner.metadata.name
})

const annotationsOf = (owner: Owner): JsonObject => ({
  "kubectl.kubernetes.io/default-container": agentContainer,
  ...owner.spec.template?.metadata?.annotations
})

/** Everything that the pods of a pool have in common: when this changes, each of them is replaced. */
const commonOf = (owner: Owner, settings: PodSettings) => ({
  labels: labelsOf(owner),
  annotations: annotationsOf(owner),
  spec: specOf(owner, settings)
})

export const revisionOf = (owner: Owner, settings: PodSettings): string => revisionHash(commonOf(owner, settings))

/** The whole object, ready to be created. */
export const podOf = (owner: Owner, settings: PodSettings, place: PodPlace) => {
  const { annotations, labels, spec } = commonOf(owner, settings)
  return {
    metadata: {
      name: place.name,
      labels: { ...labels, [slotLabel]: String(place.slot), [revisionLabel]: place.revision },
      annotations,
      // Without `blockOwnerDeletion`, which would ask for rights to the pool's finalizers: its own one holds it long enough.
      ownerReferences: [{ apiVersion: "darkroom.dev/v1alpha1", kind: "GpuPool", name: owner.metadata.name, uid: owner.metadata.uid, controller: true }]
    },
    spec
  }
}
