import type { Effect } from "effect"
import { addModel } from "./add.ts"
import type { ModelsAction } from "./arguments.ts"
import { listModels } from "./list.ts"
import { removeModel } from "./remove.ts"
import { verifyModels } from "./verify.ts"

/** `darkroom models` */
export const modelsCommand = (action: ModelsAction, data: string | undefined): Effect.Effect<void, unknown> => {
  switch (action._tag) {
    case "List":
      return listModels()
    case "Add":
      return addModel(action.options)
    case "Verify":
      return verifyModels(action.name)
    case "Remove":
      return removeModel({ ...action, data })
  }
}
