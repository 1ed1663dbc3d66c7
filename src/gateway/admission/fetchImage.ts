import { Effect } from "effect"
import { lookup as resolve } from "node:dns"
import type { IncomingMessage, request as httpRequest } from "node:http"
import { request as httpsRequest } from "node:https"
import { isIP, type LookupFunction } from "node:net"
import { imageMaxBytes } from "../../contract/limits.ts"
import { isPublicAddress } from "./publicAddress.ts"

/** Fetching an image for a caller without becoming the caller's way into this network. */

const fetchTimeoutMs = 10_000

interface FetchOptions {
  readonly isAllowed: (address: string) => boolean
  readonly request: typeof httpRequest
  readonly timeoutMs: number
}

const defaults: FetchOptions = { isAllowed: isPublicAddress, request: httpsRequest, timeoutMs: fetchTimeoutMs }

const notPublic = (host: string) => new Error(`${host} is not a public address`)

/** Looked at for every connection, so that a name cannot be changed between a check and its use. */
const guardedLookup = (isAllowed: FetchOptions["isAllowed"]): LookupFunction => (host, options, done) =>
  resolve(host, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(new Error(`${host} cannot be resolved`), [])
    if (addresses.length === 0 || !addresses.every(({ address }) => isAllowed(address))) return done(notPublic(host), [])
    if (options.all === true) return done(null, addresses)
    return done(null, addresses[0]!.address, addresses[0]!.family)
  })

const collect = (response: IncomingMessage, done: (result: Buffer | Error) => void): void => {
  const fail = (message: string) => {
    response.destroy()
    done(new Error(message))
  }
  if (response.statusCode !== 200) return fail(`the server answered ${response.statusCode}; redirects are not followed`)
  if (Number(response.headers["content-length"] ?? 0) > imageMaxBytes) return fail("it is larger than 10 MiB")
  const chunks: Array<Buffer> = []
  let bytes = 0
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength
    if (bytes > imageMaxBytes) return fail("it is larger than 10 MiB")
    chunks.push(chunk)
  })
  response.on("end", () => done(Buffer.concat(chunks, bytes)))
  response.on("error", done)
}

/** The bytes at an https URL, at most 10 MiB, within 10 s, from a public address only; the error says why not. */
export const fetchImage = (text: string, options: Partial<FetchOptions> = {}): Effect.Effect<Uint8Array, Error> =>
  Effect.callback<Uint8Array, Error>((resume) => {
    const { isAllowed, request, timeoutMs } = { ...defaults, ...options }
    const finish = (result: Buffer | Error) => resume(result instanceof Error ? Effect.fail(result) : Effect.succeed(result))
    if (!URL.canParse(text)) return finish(new Error("it is not a URL"))
    const url = new URL(text)
    const host = url.hostname.replace(/^\[|\]$/g, "")
    if (url.username !== "" || url.password !== "") return finish(new Error("a URL with a password is not taken"))
    // An address in place of a name is never looked up.
    if (isIP(host) !== 0 && !isAllowed(host)) return finish(notPublic(host))
    const outgoing = request(url, {
      agent: false,
      lookup: guardedLookup(isAllowed),
      headers: { accept: "image/png, image/jpeg, image/webp" },
      signal: AbortSignal.timeout(timeoutMs)
    }, (response) => collect(response, finish))
    outgoing.on("error", (error) => finish(error.name === "AbortError" ? new Error("it took too long") : error))
    outgoing.end()
    return Effect.sync(() => void outgoing.destroy())
  })
