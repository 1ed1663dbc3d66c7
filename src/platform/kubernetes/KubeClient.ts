import { type Config, Context, Effect, Layer } from "effect"
import type { KubeConfigInvalid } from "./errors.ts"
import { httpTransport } from "./httpTransport.ts"
import { type Endpoint, loadEndpoint } from "./kubeConfig.ts"
import type { KubeTransport } from "./KubeTransport.ts"
import { makeKubeClient } from "./makeKubeClient.ts"
import type { KubeClientShape } from "./operations.ts"

/** The Kubernetes API, as far as Darkroom needs it. */
export class KubeClient extends Context.Service<KubeClient, KubeClientShape>()("darkroom/platform/kubernetes/KubeClient") {
  /** KUBECONFIG, ~/.kube/config or the pod's service account; `KUBE_NAMESPACE`. `userAgent`: the program's name. */
  static readonly layer = (userAgent: string): Layer.Layer<KubeClient, KubeConfigInvalid | Config.ConfigError> =>
    Layer.unwrap(Effect.map(loadEndpoint, (endpoint) => KubeClient.at(endpoint, userAgent)))

  /** A given API server. */
  static readonly at = (endpoint: Endpoint, userAgent: string): Layer.Layer<KubeClient> =>
    Layer.effect(KubeClient, Effect.map(httpTransport(endpoint, userAgent), (transport) => KubeClient.of(makeKubeClient(transport))))

  /** Over any transport: the in-memory API server has one without sockets. */
  static readonly over = (transport: KubeTransport): Layer.Layer<KubeClient> =>
    Layer.sync(KubeClient, () => KubeClient.of(makeKubeClient(transport)))
}
