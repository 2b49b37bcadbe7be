/**
 * The JavaScript engine of the TypeScript profile: QuickJS-ng from the pinned npm package, merged with our glue.
 *
 * Invariants
 * - Both parts are what they say: their SHA-256 is checked before they are merged. A file that was changed, or another version of the package, is refused.
 * - The merged engine imports module `planck` and nothing else.
 * - Merging takes some 50 ms, happens once per process, and needs no tool: the linker is ours.
 */
import { createHash } from "node:crypto"
import { fileURLToPath } from "node:url"
import { NodeVolume } from "../Disk/NodeVolume.ts"
import { linkModules } from "./Link.ts"
import { refusal } from "./Reasons.ts"

/** The merged engine. `hash` is the SHA-256 of `file`, 64 hex digits: it names the engine that an image was made with. */
export interface Engine {
  readonly file: Uint8Array
  readonly hash: string
  readonly compiled: WebAssembly.Module
}

/** What `guest/engine/glue.json` says about the compiled glue and the engine it was made for. */
export interface GlueRecord {
  readonly engine: { readonly package: string; readonly version: string; readonly file: string; readonly sha256: string }
  readonly glue: { readonly sha256: string }
  readonly compiler: string
  readonly flags: ReadonlyArray<string>
  /** SHA-256 of every source of the glue, by file name. */
  readonly sources: Readonly<Record<string, string>>
}

const GLUE_DIRECTORY = new URL("../../guest/engine/", import.meta.url)

let loaded: Engine | undefined

/** The engine, merged at the first call. Throws a Fault `NotAModule` when a part of it is not the one this version of Planck was built with. */
export function loadEngine(): Engine {
  return (loaded ??= mergeEngine())
}

function mergeEngine(): Engine {
  const record = JSON.parse(new TextDecoder().decode(readWhole(fileURLToPath(new URL("glue.json", GLUE_DIRECTORY))))) as GlueRecord
  const engine = readPart(fileURLToPath(import.meta.resolve(record.engine.file)), record.engine.sha256)
  const glue = readPart(fileURLToPath(new URL("glue.wasm", GLUE_DIRECTORY)), record.glue.sha256)
  const file = linkModules(engine, glue)
  return { file, hash: sha256(file), compiled: new WebAssembly.Module(file as Uint8Array<ArrayBuffer>) }
}

function readPart(path: string, expected: string): Uint8Array {
  const bytes = readWhole(path)
  const found = sha256(bytes)
  if (found === expected) return bytes
  throw refusal({
    _tag: "NotAModule",
    message: `${path} is not the file this version of Planck was made with (SHA-256 ${found}, expected ${expected})`
  })
}

/** Reads a file that came with Planck. Throws a Fault `DiskFailure` when it is not there. */
function readWhole(path: string): Uint8Array {
  const file = new NodeVolume().open(path, "read")
  try {
    const bytes = new Uint8Array(file.size())
    return bytes.subarray(0, file.readAt(0, bytes))
  } finally {
    file.close()
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}
