import { Schema } from "effect"

/** `DARKROOM_DEVICE`. Apart from the sessions, so that the agent's parent process never loads ONNX Runtime. */
export const Device = Schema.Literals(["auto", "cpu", "cuda"])
export type Device = typeof Device.Type

export type ExecutionProvider = "cuda" | "cpu"
