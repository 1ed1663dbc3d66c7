import type { PipelineFamily } from "../../contract/ModelManifest.ts"
import { loadCausalLm } from "./causal-lm/causalLm.ts"
import { loadNoop } from "./noop/noop.ts"
import type { LoadPipeline } from "./Pipeline.ts"
import { loadQwenImageEdit } from "./qwen-image-edit/qwenImageEdit.ts"
import { loadSdxl } from "./sdxl/sdxl.ts"
import { loadStarter } from "./starter/starter.ts"

/** The families that this version can run. */
export const families: Readonly<Partial<Record<PipelineFamily, LoadPipeline>>> = {
  "causal-lm": loadCausalLm,
  noop: loadNoop,
  "qwen-image-edit": loadQwenImageEdit,
  sdxl: loadSdxl,
  starter: loadStarter
}
