/** Static files that travel in the module: section `planck.assets`, a BSON document `path → { type, hash, bytes, gzip?, brotli? }`. */
import * as Type from "../Bson/Type.ts"
import { validate } from "../Bson/Validate.ts"
import {
  documentEnd,
  elementName,
  fieldName,
  findElement,
  firstElement,
  nextElement,
  readInt32,
  readString,
  valueOffset
} from "../Bson/View.ts"
import { Fault } from "../Fault/Fault.ts"
import { Section } from "./Abi.ts"
import { refusal } from "./Reasons.ts"

/** One static file. The byte arrays are views of the module file. */
export interface Asset {
  /** Content type, parameters included. */
  readonly type: string
  /** A hash of `bytes` as text, for the entity tag. */
  readonly hash: string
  readonly bytes: Uint8Array
  readonly gzip?: Uint8Array
  readonly brotli?: Uint8Array
}

/** Static files of one module. */
export const ASSETS_MAX = 10_000

const TYPE = fieldName("type")
const HASH = fieldName("hash")
const BYTES = fieldName("bytes")
const GZIP = fieldName("gzip")
const BROTLI = fieldName("brotli")
const HEADER_TEXT = /^[\t\x20-\x7e]+$/

/**
 * Reads the section's payload. The paths are decoded and start with `/`. Throws a Fault `InvalidSection` that names the file at fault.
 */
export function readAssets(section: Uint8Array): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>()
  checkStructure(section)
  const end = documentEnd(section, 0)
  for (let at = firstElement(0); at < end; at = nextElement(section, at)) {
    const path = elementName(section, at)
    if (!path.startsWith("/")) throw invalid(`${path}: a path starts with /`)
    if (section[at] !== Type.DOCUMENT) throw invalid(`${path}: not a document`)
    if (assets.size === ASSETS_MAX) throw invalid(`more than ${ASSETS_MAX} files`)
    assets.set(path, readAsset(section, valueOffset(section, at), path))
  }
  return assets
}

function readAsset(section: Uint8Array, at: number, path: string): Asset {
  const bytes = binary(section, at, BYTES, path)
  const gzip = binary(section, at, GZIP, path)
  const brotli = binary(section, at, BROTLI, path)
  if (bytes === undefined) throw invalid(`${path}: bytes is missing`)
  return {
    type: text(section, at, TYPE, path),
    hash: text(section, at, HASH, path),
    bytes,
    ...(gzip === undefined ? {} : { gzip }),
    ...(brotli === undefined ? {} : { brotli })
  }
}

function text(section: Uint8Array, documentAt: number, name: Uint8Array, path: string): string {
  const at = findElement(section, documentAt, name)
  const value = at >= 0 && section[at] === Type.STRING ? readString(section, at + 1 + name.length) : ""
  if (!HEADER_TEXT.test(value)) throw invalid(`${path}: type and hash have to be text that a header field can hold`)
  return value
}

function binary(section: Uint8Array, documentAt: number, name: Uint8Array, path: string): Uint8Array | undefined {
  const at = findElement(section, documentAt, name)
  if (at < 0) return undefined
  if (section[at] !== Type.BINARY) throw invalid(`${path}: not binary`)
  const valueAt = at + 1 + name.length
  const start = valueAt + 5
  return section.subarray(start, start + readInt32(section, valueAt))
}

function checkStructure(section: Uint8Array): void {
  try {
    if (validate(section, 0, section.length) !== section.length) throw invalid("bytes behind the document")
  } catch (error) {
    if (error instanceof Fault && error.reason._tag === "InvalidBson") throw invalid(error.message)
    throw error
  }
}

function invalid(message: string): Fault {
  return refusal({ _tag: "InvalidSection", section: Section.assets, message: `section ${Section.assets}: ${message}` })
}
