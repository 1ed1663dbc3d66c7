import type { ApiRequest } from "../../platform/kubernetes/KubeTransport.ts"
import type { ShownEvent } from "./reads.ts"

/** What goes wrong with a request. */
export type RequestFault =
  /** This answer, and nothing is done. */
  | { readonly answer: { readonly status: number; readonly body?: string; readonly retryAfter?: string } }
  /** The connection breaks before anything is done … */
  | "reset"
  /** … or after it was done, before the answer. */
  | "lost"
  /** Done, and never answered. */
  | "hang"
  | { readonly delayMs: number }
  /** A list of an earlier revision, as from a server that lags behind. */
  | { readonly asOf: number }

export type EventFault = "deliver" | "drop" | "twice" | { readonly delayMs: number }

/** Asked for every request and for every event of every watch; tests replace them at will. */
export interface Faults {
  request: (request: ApiRequest) => RequestFault | undefined
  event: (event: ShownEvent, watch: ApiRequest) => EventFault
}

export const noFaults = (): Faults => ({ request: () => undefined, event: () => "deliver" })
