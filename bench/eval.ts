/**
 * Scores the edit model that a running Darkroom serves: how far each edit did what was asked, and how much it changed of
 * the photo outside the region it was asked for. Run through `scripts/eval`, beside `scripts/up` or with DARKROOM_URL and
 * DARKROOM_API_KEY set: `scripts/eval [--model NAME] [--seed N] [--out DIR]`.
 */
import { readFileSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { parseArgs } from "node:util"
import sharp, { type OverlayOptions } from "sharp"
import { type Case, cases } from "./eval/cases.ts"
import { complementOf, grown, type Polygon, regionOf, type Size } from "./eval/region.ts"
import { difference, follows, type Picture } from "./eval/score.ts"

const { values } = parseArgs({
  options: { model: { type: "string" }, seed: { type: "string", default: "42" }, out: { type: "string", default: "eval" } }
})
const requestTimeoutMs = 320_000
/** Of the longer side: hand-drawn outlines are that far off. */
const borderShare = 0.02
const photos = new URL("../scripts/train-starter/photos/", import.meta.url)
const outlines = JSON.parse(readFileSync(new URL("heldout_polygons.json", photos), "utf8")) as Record<string, Record<string, ReadonlyArray<Polygon>>>
const state = new URL("../.darkroom/", import.meta.url)

const read = (name: string): string | undefined => {
  try {
    return readFileSync(new URL(name, state), "utf8").trim()
  } catch {
    return undefined
  }
}
/** Where `darkroom up` says that it serves, unless the environment names another. */
const api = process.env["DARKROOM_URL"] ?? (JSON.parse(read("running.json") ?? "{}") as { api?: string }).api
const key = process.env["DARKROOM_API_KEY"] ?? read("key")
if (api === undefined || key === undefined) {
  console.error("No Darkroom runs here: start scripts/up in another terminal, or set DARKROOM_URL and DARKROOM_API_KEY.")
  process.exit(1)
}

const decode = async (bytes: Uint8Array, size?: Size): Promise<Picture> => {
  const image = sharp(bytes).removeAlpha().toColourspace("srgb")
  const scaled = size === undefined ? image : image.resize(size.width, size.height, { fit: "fill" })
  const { data, info } = await scaled.raw().toBuffer({ resolveWithObject: true })
  return { data: new Uint8Array(data), width: info.width, height: info.height }
}

const maskOf = ({ photo, region }: Case, size: Size): Uint8Array => {
  const parts = outlines[photo] ?? {}
  if (region === "all") return new Uint8Array(size.width * size.height).fill(1)
  if (region === "background") return complementOf(regionOf(size, parts["subject"] ?? []))
  return regionOf(size, parts[region] ?? [], parts[`not ${region}`])
}

const edit = async (bytes: Uint8Array, sentence: string): Promise<Buffer> => {
  const response = await fetch(`${api.replace(/\/$/, "")}/api/edit`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: JSON.stringify({
      image: Buffer.from(bytes).toString("base64"),
      prompt: sentence,
      seed: Number(values.seed),
      ...(values.model === undefined ? {} : { model: values.model })
    }),
    signal: AbortSignal.timeout(requestTimeoutMs)
  })
  const answer = await response.json() as { output_b64?: string; output_image_url?: string; detail?: string }
  if (!response.ok) throw new Error(`"${sentence}": the gateway answered ${response.status}: ${answer.detail}`)
  if (answer.output_b64) return Buffer.from(answer.output_b64, "base64")
  return Buffer.from(await (await fetch(answer.output_image_url!)).arrayBuffer())
}

interface Scored extends Case {
  readonly follows: number
  /** Mean absolute difference outside the region, of 255; none when the region is all. */
  readonly elsewhere: number | undefined
}

const tilePx = 256
const tiles: Array<OverlayOptions> = []
const tile = async (bytes: Uint8Array, column: number, row: number) => {
  const input = await sharp(bytes).resize(tilePx, tilePx, { fit: "contain", background: "white" }).png().toBuffer()
  tiles.push({ input, left: column * tilePx, top: row * tilePx })
}

const scored: Array<Scored> = []
for (const [row, one] of cases.entries()) {
  const bytes = readFileSync(new URL(`${one.photo}.jpg`, photos))
  const before = await decode(bytes)
  const edited = await edit(bytes, one.sentence)
  const after = await decode(edited, before)
  const mask = maskOf(one, before)
  const border = Math.round(borderShare * Math.max(before.width, before.height))
  const outside = one.region === "all" ? undefined : complementOf(grown(mask, before, border))
  const score = {
    ...one,
    follows: follows(before, after, mask, one.expected),
    elsewhere: outside === undefined ? undefined : difference(before, after, outside)
  }
  scored.push(score)
  console.log(
    `${one.photo.padEnd(10)} ${one.sentence.padEnd(40)} follows ${score.follows.toFixed(2)}` +
      (score.elsewhere === undefined ? "" : `   elsewhere ${score.elsewhere.toFixed(1)} of 255`)
  )
  await tile(bytes, (row % 2) * 2, Math.floor(row / 2))
  await tile(edited, (row % 2) * 2 + 1, Math.floor(row / 2))
}

const mean = (numbers: ReadonlyArray<number>) => numbers.reduce((sum, n) => sum + n, 0) / Math.max(1, numbers.length)
const summary = {
  follows: mean(scored.map((score) => score.follows)),
  followed: scored.filter((score) => score.follows >= 0.5).length,
  of: scored.length,
  elsewhere: mean(scored.flatMap((score) => score.elsewhere ?? []))
}
await mkdir(values.out, { recursive: true })
await writeFile(join(values.out, "scores.json"), `${JSON.stringify({ model: values.model ?? "the pool's default", seed: Number(values.seed), summary, scored }, null, 2)}\n`)
await sharp({ create: { width: 4 * tilePx, height: Math.ceil(cases.length / 2) * tilePx, channels: 3, background: "white" } })
  .composite(tiles).jpeg({ quality: 88 }).toFile(join(values.out, "sheet.jpg"))
console.log(
  `\nfollowed ${summary.followed} of ${summary.of} (mean ${summary.follows.toFixed(2)}); elsewhere changed by ${summary.elsewhere.toFixed(1)} of 255 on average.` +
    `\nScores and pictures: ${join(values.out, "scores.json")}, ${join(values.out, "sheet.jpg")}`
)
