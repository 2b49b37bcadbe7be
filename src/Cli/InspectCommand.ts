/** `planck inspect`: what a built service holds and asks for, without running anything of it; or what lies in a directory of data. */
import * as Effect from "effect/Effect"
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs"
import type { IndexDefinition, StoreDefinition } from "../Schema/Definition.ts"
import { Section } from "../Wasm/Abi.ts"
import { inspectFile } from "../Wasm/Inspect.ts"
import type { Module } from "../Wasm/Module.ts"
import { about } from "./Failure.ts"
import { type InspectDataOptions, inspectDataFile, inspectDirectory } from "./InspectDataCommand.ts"
import { say } from "./Output.ts"
import { readFile } from "./ServeCommand.ts"

/** Tells by what lies at the path what is meant. */
export const inspect = Effect.fn("Cli.inspect")(function* (options: InspectDataOptions) {
  const { output, path } = options
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return yield* inspectDirectory(options)
  if (isData(path)) return yield* inspectDataFile(options)
  const bytes = yield* readFile(path)
  const module = yield* inspectFile(bytes).pipe(Effect.mapError((error) => about(path, error)))
  const parts = sizesOf(module, bytes)
  yield* say(output, describe(module, parts), { hash: module.hash, sizes: parts, assets: assetsOf(module), manifest: module.manifest })
})

/** Files of data begin with eight letters; an index file's first meta may be damaged, then its second one has them. */
function isData(path: string): boolean {
  if (!existsSync(path)) return false
  const file = openSync(path, "r")
  try {
    const name = new Uint8Array(8)
    return [0, 4096].some((at) => {
      readSync(file, name, 0, name.length, at)
      return ["PLANCKIX", "PLNKVALS", "PLANKWAL"].includes(new TextDecoder("latin1").decode(name))
    })
  } finally {
    closeSync(file)
  }
}

/** Bytes of a custom section. */
const sectionBytes = ({ compiled }: Module, name: string): number =>
  WebAssembly.Module.customSections(compiled, name).reduce((sum, section) => sum + section.byteLength, 0)

/** Bytes of the file and of its named parts; what is left is the engine and its memory. */
const sizesOf = (module: Module, bytes: Uint8Array) => ({
  file: bytes.length,
  source: sectionBytes(module, Section.source),
  manifest: sectionBytes(module, Section.manifest),
  templates: module.templates?.length ?? 0,
  sourcemap: module.sourcemap?.length ?? 0,
  assets: [...module.assets.values()].reduce(
    (sum, asset) => sum + asset.bytes.length + (asset.gzip?.length ?? 0) + (asset.brotli?.length ?? 0),
    0
  )
})

const assetsOf = (module: Module) =>
  [...module.assets].map(([path, asset]) => ({
    path,
    type: asset.type,
    bytes: asset.bytes.length,
    gzip: asset.gzip?.length ?? null,
    brotli: asset.brotli?.length ?? null
  }))

function describe(module: Module, sizes: ReturnType<typeof sizesOf>): string {
  const { manifest } = module
  const config = Object.entries(manifest.config).map(
    ([name, field]) => `  ${name}: ${field.type}${field.secret === true ? " (secret)" : ""}`
  )
  return [
    `${manifest.name} ${manifest.version} (ABI ${manifest.abi}, ${manifest.language})`,
    `sha256 ${module.hash}`,
    `size ${sizes.file} bytes: source ${sizes.source}, templates ${sizes.templates}, assets ${sizes.assets}, source map ${sizes.sourcemap}, manifest ${sizes.manifest}`,
    ...section("stores", manifest.stores.map(describeStore)),
    ...section(
      "routes",
      manifest.routes.map((route) => `  ${route.method.padEnd(6)} ${route.pattern}${route.writes ? "" : "  (reads only)"}`)
    ),
    ...section("configuration", config),
    ...section(
      "limits",
      orNone(
        Object.entries(manifest.limits).map(([name, value]) => `  ${name}: ${value}`),
        "those of the server"
      )
    ),
    ...section(
      "capabilities",
      orNone(
        manifest.capabilities.map((name) => `  ${name}`),
        "none but its own stores"
      )
    ),
    ...section("assets", assetsOf(module).map(describeAsset))
  ].join("\n")
}

const orNone = (lines: ReadonlyArray<string>, none: string): ReadonlyArray<string> => (lines.length === 0 ? [`  ${none}`] : lines)

const describeAsset = ({ brotli, bytes, gzip, path, type }: ReturnType<typeof assetsOf>[number]): string => {
  const packed = [...(gzip === null ? [] : [`gzip ${gzip}`]), ...(brotli === null ? [] : [`brotli ${brotli}`])]
  return `  ${path}  ${type}, ${bytes} bytes${packed.length === 0 ? "" : ` (${packed.join(", ")})`}`
}

const section = (name: string, lines: ReadonlyArray<string>): ReadonlyArray<string> => (lines.length === 0 ? [] : ["", name, ...lines])

const describeStore = (store: StoreDefinition): string =>
  [
    `  ${store.name} (id ${store.idKind}${store.durability === undefined ? "" : `, ${store.durability}`}): ${Object.keys(store.schema).join(", ")}`,
    ...store.indexes.map(describeIndex)
  ].join("\n")

const describeIndex = (index: IndexDefinition): string =>
  [
    `    index ${index.name} on ${index.on.map(({ path, direction }) => (direction === "asc" ? path : `-${path}`)).join(", ")}`,
    ...(index.unique === true ? ["unique"] : []),
    ...(index.sparse === true ? ["sparse"] : []),
    ...(index.where === undefined ? [] : [`where ${JSON.stringify(index.where)}`]),
    ...(index.expireAfterMs === undefined ? [] : [`expires after ${index.expireAfterMs} ms`])
  ].join(", ")
