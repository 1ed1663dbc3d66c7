import { ServerUnderTest } from "./server.ts"
import { conformance } from "./suite.ts"

/** The promises themselves, on a real kube-apiserver and etcd (KUBE_BIN_DIR, or what `scripts/cluster build` made). */
conformance("kube-apiserver", ServerUnderTest.real)
