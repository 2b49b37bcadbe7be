/**
 * What a module is made of: how many bytes each file, package, template and static file of the author takes in it.
 *
 * Invariant: parts are in the order of their kinds and, within one, of their names, so that two builds can be compared part by part.
 */
import type { Metafile } from "esbuild"
import { resolve } from "node:path"
import type { TemplateSet } from "../Template/Template.ts"
import type { PackedAssets } from "./Assets.ts"
import { packageOf } from "./Platform.ts"

/** A file of the author, a package with all of its files, a template with its fragments, or a static file with its compressed forms. */
export interface BuildPart {
  readonly kind: "module" | "package" | "template" | "asset"
  readonly name: string
  /** In the `.wasm`, after bundling. */
  readonly bytes: number
}

/** Bytes of the bundle by where they come from. `sdk` is the folder of the SDK, `sdkName` the package that it is. */
export function bundleParts(metafile: Metafile | undefined, folder: string, sdk: string, sdkName: string): ReadonlyArray<BuildPart> {
  const sizes = new Map<string, BuildPart>()
  const inputs = Object.values(metafile?.outputs ?? {}).flatMap(({ inputs }) => Object.entries(inputs))
  for (const [path, { bytesInOutput }] of inputs) {
    const isOurs = path.startsWith("planck") || path === "<stdin>" || resolve(folder, path).startsWith(sdk)
    const owner = isOurs ? sdkName : packageOf(path)
    const kind = owner === undefined ? "module" : "package"
    const name = owner ?? path
    const key = `${kind} ${name}`
    if (bytesInOutput > 0) sizes.set(key, { kind, name, bytes: (sizes.get(key)?.bytes ?? 0) + bytesInOutput })
  }
  return [...sizes.values()]
}

/** Bytes of the templates by file: those of its fragments are its own. */
export function templateParts({ templates }: TemplateSet): ReadonlyArray<BuildPart> {
  const sizes = new Map<string, number>()
  for (const template of templates) {
    const [name = ""] = template.name.split("#")
    sizes.set(name, (sizes.get(name) ?? 0) + Buffer.byteLength(JSON.stringify(template)))
  }
  return [...sizes].map(([name, bytes]) => ({ kind: "template", name, bytes }))
}

/** Bytes of the static files, compressed forms included. */
export const assetParts = (packed: PackedAssets["files"]): ReadonlyArray<BuildPart> =>
  Object.entries(packed).map(([name, { brotli, bytes, gzip }]) => ({
    kind: "asset",
    name,
    bytes: bytes.length + (gzip?.length ?? 0) + (brotli?.length ?? 0)
  }))

const KINDS = ["module", "package", "template", "asset"] as const

export const inOrder = (parts: ReadonlyArray<BuildPart>): ReadonlyArray<BuildPart> =>
  parts.toSorted((left, right) => KINDS.indexOf(left.kind) - KINDS.indexOf(right.kind) || (left.name < right.name ? -1 : 1))
