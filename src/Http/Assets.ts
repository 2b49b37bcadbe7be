/**
 * Static files out of a module: which of the stored forms a client gets, and when it already has it.
 *
 * Invariants
 * - The entity tag names the content and the encoding, so a cache never mixes two forms of a file.
 */
import type { RequestHeaders } from "../Wasm/Answer.ts"
import type { Asset } from "../Wasm/Assets.ts"

/** What to send for an asset: 304 without a body, or 200 with it. Headers are flat: name, value, … */
export interface AssetAnswer {
  readonly status: 200 | 304
  readonly headers: ReadonlyArray<string>
  readonly body: Uint8Array | undefined
}

const TAG_DIGITS = 32

/** The answer to a GET or HEAD of `asset`. */
export function answerAsset(asset: Asset, headers: RequestHeaders): AssetAnswer {
  const encoding = chooseEncoding(asset, headerText(headers["accept-encoding"]))
  const tag = `"${asset.hash.slice(0, TAG_DIGITS)}${encoding === "identity" ? "" : `-${encoding}`}"`
  const fields = ["cache-control", "public, max-age=0, must-revalidate", "etag", tag]
  if (asset.gzip !== undefined || asset.brotli !== undefined) fields.push("vary", "accept-encoding")
  if (tagMatches(headerText(headers["if-none-match"]), tag)) return { status: 304, headers: fields, body: undefined }
  fields.push("content-type", asset.type, "x-content-type-options", "nosniff")
  if (encoding !== "identity") fields.push("content-encoding", encoding)
  const body = encoding === "br" ? asset.brotli : encoding === "gzip" ? asset.gzip : asset.bytes
  return { status: 200, headers: fields, body: body ?? asset.bytes }
}

const headerText = (value: string | ReadonlyArray<string> | undefined): string =>
  value === undefined ? "" : typeof value === "string" ? value : value.join(", ")

/** The smallest stored form the client accepts: brotli, then gzip, then plain (RFC 9110, 12.5.3). */
function chooseEncoding(asset: Asset, accepted: string): "br" | "gzip" | "identity" {
  if (accepted === "") return "identity"
  if (asset.brotli !== undefined && accepts(accepted, "br")) return "br"
  if (asset.gzip !== undefined && accepts(accepted, "gzip")) return "gzip"
  return "identity"
}

function accepts(accepted: string, encoding: string): boolean {
  let star = false
  for (const part of accepted.split(",")) {
    const [name = "", ...parameters] = part.trim().toLowerCase().split(";")
    const refused = parameters.some((parameter) => /^\s*q=0(\.0*)?\s*$/.test(parameter))
    if (name.trim() === encoding) return !refused
    if (name.trim() === "*") star = !refused
  }
  return star
}

const tagMatches = (header: string, tag: string): boolean =>
  header === "*" || header.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === tag)
