import { assert, describe, it } from "@effect/vitest"
import { type Ingress, nginxConf, type Service } from "../../scripts/cluster.d/ingress/nginxConf.ts"

/** The test cluster's ingress controller treats an Ingress as ingress-nginx would, so that what is missing in one shows. */

const metadata = (name: string, annotations?: Record<string, string>) =>
  ({ name, namespace: "darkroom", uid: name, creationTimestamp: "2026-01-01T00:00:00Z", ...(annotations === undefined ? {} : { annotations }) })

const service = (name: string, clusterIP: string): Service => ({ metadata: metadata(name), spec: { clusterIP, ports: [{ name: "http", port: 3000 }] } })

const services = new Map([["darkroom/gateway", service("gateway", "10.96.1.2")], ["darkroom/headless", service("headless", "None")]])

const ingress = (path: string, options: { pathType?: string; host?: string; name?: string; port?: object; annotations?: Record<string, string> } = {}): Ingress => ({
  metadata: metadata("edit", options.annotations),
  spec: {
    rules: [{
      ...(options.host === undefined ? {} : { host: options.host }),
      http: { paths: [{ path, pathType: options.pathType ?? "Prefix", backend: { service: { name: options.name ?? "gateway", port: options.port ?? { name: "http" } } } }] }
    }]
  }
})

const conf = (...ingresses: ReadonlyArray<Ingress>) => nginxConf({ folder: "/tmp/nginx", ingresses, port: 8080, services })

describe("the test cluster's ingress controller", () => {
  it("sends a host's path to the Service, by the port's name or number", () => {
    const text = conf(ingress("/", { host: "darkroom.test" }))
    assert.include(text, "server_name darkroom.test;")
    assert.include(text, "proxy_pass http://10.96.1.2:3000;")
    assert.include(conf(ingress("/", { port: { number: 3000 } })), "proxy_pass http://10.96.1.2:3000;")
  })

  it("has ingress-nginx's limits where no annotation says otherwise", () => {
    const text = conf(ingress("/"))
    for (const line of ["client_max_body_size 1m;", "proxy_read_timeout 60s;", "proxy_buffering off;"]) assert.include(text, line)
  })

  it("takes the annotations, but nothing that is more than a word", () => {
    const name = "nginx.ingress.kubernetes.io/"
    const text = conf(ingress("/", { annotations: { [`${name}proxy-body-size`]: "16m", [`${name}proxy-read-timeout`]: "330", [`${name}proxy-send-timeout`]: "1; deny all" } }))
    for (const line of ["client_max_body_size 16m;", "proxy_read_timeout 330s;", "proxy_send_timeout 60s;"]) assert.include(text, line)
    assert.notInclude(text, "deny")
  })

  it("a prefix matches whole path elements only; Exact matches itself", () => {
    const prefix = conf(ingress("/api"))
    for (const line of ["location = /api {", "location /api/ {", "location / { return 404; }"]) assert.include(prefix, line)
    const exact = conf(ingress("/livez", { pathType: "Exact" }))
    assert.include(exact, "location = /livez {")
    assert.notInclude(exact, "location /livez/")
  })

  it("a Service or port that is not there answers 503, no Ingress at all 404", () => {
    assert.include(conf(ingress("/", { name: "nobody" })), "return 503;")
    assert.include(conf(ingress("/", { name: "headless" })), "return 503;")
    assert.include(conf(ingress("/", { port: { name: "grpc" } })), "return 503;")
    assert.include(conf(), "location / { return 404; }")
  })

  it("of two Ingresses for one place the older has it; a host that is no host is left out", () => {
    const younger = { ...ingress("/", { name: "nobody" }), metadata: { ...metadata("zz"), creationTimestamp: "2026-02-01T00:00:00Z" } }
    const text = conf(younger, ingress("/"))
    assert.include(text, "proxy_pass http://10.96.1.2:3000;")
    assert.notInclude(text, "return 503;")
    assert.notInclude(conf(ingress("/", { host: "a; deny all" })), "deny")
  })
})
