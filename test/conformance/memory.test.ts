import { ServerUnderTest } from "./server.ts"
import { conformance } from "./suite.ts"

/** The in-memory API server keeps the promises of the real one. */
conformance("the API server in memory", ServerUnderTest.memory)
