/**
 * Static files of a service: `assets: { "/": "public", "/htmx.js": "npm:htmx.org/dist/htmx.min.js" }` becomes section `planck.assets`.
 *
 * Invariants
 * - Deterministic: files in the order of their paths, compressed with fixed settings.
 * - A compressed variant is kept only where it is smaller by a tenth: anything else costs more than it saves.
 */
import { createHash } from "node:crypto"
import { createRequire } from "node:module"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { extname, join, relative, resolve } from "node:path"
import { brotliCompressSync, constants, gzipSync } from "node:zlib"
import { encode } from "../Bson/Value.ts"
import type { ManifestRoute } from "../Wasm/Manifest.ts"
import { invalidService } from "./Failure.ts"
import { issueWithoutPlace } from "./Issue.ts"
import { posix, type Project } from "./Project.ts"

/** Bytes of all static files of one service, uncompressed. */
export const ASSET_BYTES_MAX = 64 * 1024 * 1024
const NPM = "npm:"
const FILES_MAX = 10_000
const SMALLEST_COMPRESSED_BYTES = 256
const HASH_DIGITS = 32

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".webmanifest": "application/manifest+json",
  ".txt": "text/plain; charset=utf-8",
  ".md": "text/markdown; charset=utf-8",
  ".xml": "application/xml",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
  ".avif": "image/avif",
  ".ico": "image/x-icon",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
  ".ttf": "font/ttf",
  ".otf": "font/otf",
  ".pdf": "application/pdf",
  ".wasm": "application/wasm",
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".webm": "video/webm"
}

/** Already compressed: trying again only takes time. */
const COMPRESSED = new Set([".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".woff", ".woff2", ".mp3", ".mp4", ".webm", ".pdf"])

/** Static files of a service, packed. */
export interface PackedAssets {
  /** The payload of the section. */
  readonly section: Uint8Array
  readonly files: Readonly<Record<string, Packed>>
}

interface Packed {
  readonly type: string
  readonly hash: string
  readonly bytes: Uint8Array
  readonly gzip?: Uint8Array
  readonly brotli?: Uint8Array
}

/** Compressed variants by the hash of the file, so that a watch compresses each file once. */
export type AssetCache = Map<string, Packed>

/** Packs the declared files; undefined when there are none. A file where a route is would never be seen, and is refused. Throws a Fault `InvalidService`. */
export function packAssets(
  project: Project,
  declared: Readonly<Record<string, string>>,
  routes: ReadonlyArray<ManifestRoute>,
  cache: AssetCache
): PackedAssets | undefined {
  const files = new Map<string, string>()
  for (const [path, from] of Object.entries(declared)) {
    for (const [name, file] of filesOf(project, path, from)) files.set(name, file)
  }
  if (files.size === 0) return undefined
  const clash = routes.find(({ method, pattern }) => (method === "GET" || method === "HEAD") && files.has(pattern))
  if (clash !== undefined)
    throw refused(
      project,
      `there is a static file "${clash.pattern}" and a route ${clash.method} ${clash.pattern}: the file would never be seen`
    )
  if (files.size > FILES_MAX) throw refused(project, `more than ${FILES_MAX} static files`)
  const packed: Record<string, Packed> = {}
  let total = 0
  for (const [path, file] of [...files].toSorted(([left], [right]) => (left < right ? -1 : 1))) {
    const bytes = readFileSync(file)
    total += bytes.length
    if (total > ASSET_BYTES_MAX) throw refused(project, `the static files have more than ${ASSET_BYTES_MAX} bytes`)
    packed[path] = pack(path, bytes, cache)
  }
  const section = encode(Object.fromEntries(Object.entries(packed).map(([path, file]) => [path, { ...file }])))
  return { section, files: packed }
}

/** The files behind one declaration: path in the service and path on disk. */
function filesOf(project: Project, path: string, from: string): [string, string][] {
  if (!path.startsWith("/")) throw refused(project, `the path of a static file starts with "/": "${path}"`)
  const source = from.startsWith(NPM) ? fileOfPackage(project, path, from.slice(NPM.length)) : resolve(project.folder, from)
  const found = statSync(source, { throwIfNoEntry: false })
  if (found === undefined) throw refused(project, `the static file or folder "${from}" for "${path}" does not exist`)
  if (found.isFile()) return [[path, source]]
  const base = path.endsWith("/") ? path : `${path}/`
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile() && !item.name.startsWith("."))
    .map((item) => [base + posix(relative(source, join(item.parentPath, item.name))), join(item.parentPath, item.name)])
}

/** A file of a package, found from the service's folder and, failing that, from Planck's own. */
function fileOfPackage(project: Project, path: string, specifier: string): string {
  const parts = specifier.split("/")
  const name = parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/")
  for (const from of [join(project.folder, "package.json"), import.meta.url]) {
    for (const directory of createRequire(from).resolve.paths(name) ?? []) {
      const file = join(directory, specifier)
      if (statSync(file, { throwIfNoEntry: false }) !== undefined) return file
    }
  }
  throw refused(project, `the static file "${NPM}${specifier}" for "${path}" was not found: is the package "${name}" installed?`)
}

function pack(path: string, bytes: Uint8Array, cache: AssetCache): Packed {
  const extension = extname(path).toLowerCase()
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, HASH_DIGITS)
  const key = `${extension} ${hash}`
  const known = cache.get(key)
  if (known !== undefined) return known
  const type = TYPES[extension] ?? "application/octet-stream"
  const plain = COMPRESSED.has(extension) || bytes.length < SMALLEST_COMPRESSED_BYTES
  const packed = { type, hash, bytes, ...(plain ? {} : compressed(bytes)) }
  cache.set(key, packed)
  return packed
}

function compressed(bytes: Uint8Array): { gzip?: Uint8Array; brotli?: Uint8Array } {
  const worthwhile = (variant: Uint8Array): boolean => variant.length < bytes.length * 0.9
  const gzip = gzipSync(bytes, { level: 9 })
  gzip[9] = 255 // the operating system's byte: the same on all
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
  })
  return { ...(worthwhile(gzip) ? { gzip } : {}), ...(worthwhile(brotli) ? { brotli } : {}) }
}

function refused(project: Project, message: string): Error {
  return invalidService([issueWithoutPlace("asset", project.entry, message)])
}
