import { writeFileSync } from "node:fs"
import { openApiDocument } from "./document.ts"

/** `node src/gateway/openapi/write.ts`: writes docs/openapi.json; a test fails while it is stale. */
export const openApiText = (): string => `${JSON.stringify(openApiDocument(), null, 2)}\n`

if (import.meta.main) writeFileSync(new URL("../../../docs/openapi.json", import.meta.url), openApiText())
