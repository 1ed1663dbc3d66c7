import { ConfigProvider, Context, Effect, Layer } from "effect"
import { KubeClient } from "../../src/platform/kubernetes/KubeClient.ts"
import { serveMemoryApi } from "../../src/testing/apiserver/serve.ts"
import { startKubeApiServer } from "../../src/testing/KubeApiServer.ts"
import { makeMemoryApiServer } from "../../src/testing/MemoryApiServer.ts"

/** An API server that the conformance tests are run against, over HTTP as programs see it. */
export class ServerUnderTest extends Context.Service<ServerUnderTest, {
  /** A client of a namespace that nobody else uses. */
  readonly client: (namespace: string) => Layer.Layer<KubeClient>
  /** Versions of before cannot be watched from or paged through any more. Ends all watches. */
  readonly compact: Effect.Effect<void>
  /** All connections break; the server is back at once or soon. */
  readonly restart: Effect.Effect<void>
}>()("darkroom/test/conformance/ServerUnderTest") {
  static readonly memory = Layer.effect(
    ServerUnderTest,
    Effect.gen(function*() {
      const server = makeMemoryApiServer()
      const { endpoint } = yield* serveMemoryApi(server.transport)
      const restart = Effect.sync(() => {
        for (const watch of server.watches) watch.reset()
      })
      return ServerUnderTest.of({
        client: (namespace) => KubeClient.at({ ...endpoint, namespace }, "conformance"),
        compact: Effect.andThen(Effect.sync(server.compact), restart),
        restart
      })
    })
  )

  static readonly real = Layer.effect(
    ServerUnderTest,
    Effect.gen(function*() {
      const server = yield* Effect.acquireRelease(Effect.promise(() => startKubeApiServer()), (started) => Effect.promise(() => started.stop()))
      // As programs find their cluster: by a kubeconfig, which client-node looks for in the environment.
      process.env["KUBECONFIG"] = server.kubeconfig
      const named = (namespace: string) => ConfigProvider.layer(ConfigProvider.fromUnknown({ KUBE_NAMESPACE: namespace }))
      return ServerUnderTest.of({
        client: (namespace) =>
          Layer.unwrap(
            Effect.as(
              Effect.promise(() => server.makeNamespace(namespace)),
              Layer.orDie(Layer.provide(KubeClient.layer("conformance"), named(namespace)))
            )
          ),
        compact: Effect.promise(() => server.compact()),
        restart: Effect.promise(() => server.restart())
      })
    })
  )
}
