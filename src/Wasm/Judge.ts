/**
 * Decides whether the host may run a file: is it, byte for byte, the image that the host makes itself from the file's own source?
 *
 * Invariants
 * - A file is judged before anything of it runs. Its source runs only inside the engine's own evaluation, which has its own limits.
 * - What was accepted is remembered under a name made of the file's and the engine's hash, so a new engine judges anew. A memory that fails costs
 *   time, nothing else.
 */
import { createHash } from "node:crypto"
import type { Volume } from "../Disk/Volume.ts"
import { Fault } from "../Fault/Fault.ts"
import type { Engine } from "./Engine.ts"
import { remakeImage } from "./Image.ts"
import type { ModuleFile } from "./Module.ts"
import { refusal } from "./Reasons.ts"

/** Remembers which files were accepted. */
export interface AcceptedFiles {
  readonly has: (name: string) => boolean
  readonly add: (name: string) => void
}

/** Files whose name is remembered by an empty file in a directory, which has to exist. Failures of the disk count as "not known". */
export function acceptedInDirectory(volume: Volume, directory: string): AcceptedFiles {
  const path = (name: string): string => `${directory}/${name}.accepted`
  const attempt = (work: () => boolean): boolean => {
    try {
      return work()
    } catch (error) {
      if (error instanceof Fault) return false
      throw error
    }
  }
  return {
    has: (name) => attempt(() => volume.exists(path(name))),
    add: (name) => {
      attempt(() => {
        volume.open(path(name), "create").close()
        return true
      })
    }
  }
}

/** Forgets at the end of the process. */
export function acceptedInMemory(): AcceptedFiles {
  const names = new Set<string>()
  return { has: (name) => names.has(name), add: (name) => void names.add(name) }
}

/** The only language whose modules run: others need fuel, which does not exist yet. */
const RUNNABLE_LANGUAGE = "typescript"

/** Makes the judge of a host. `engine` gives the engine that images are made with. */
export function judgeWith(engine: () => Engine, accepted: AcceptedFiles): (file: ModuleFile) => void {
  return (file) => {
    const { language } = file.manifest
    if (language !== RUNNABLE_LANGUAGE) {
      const message = `a module in ${language} cannot be stopped without fuel, which this version does not have: only ${RUNNABLE_LANGUAGE} modules run`
      throw refusal({ _tag: "UnsupportedLanguage", language, message })
    }
    const name = createHash("sha256").update(engine().hash).update(file.hash).digest("hex")
    if (accepted.has(name)) return
    compare(file.bytes, remake(engine(), file))
    accepted.add(name)
  }
}

function remake(engine: Engine, file: ModuleFile): Uint8Array {
  try {
    return remakeImage(engine, file.bytes)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    if (error.reason._tag === "ForgedImage") throw error
    throw forged(0, `its source does not make an image: ${error.message}`)
  }
}

function compare(found: Uint8Array, made: Uint8Array): void {
  if (Buffer.compare(found, made) === 0) return
  const length = Math.min(found.length, made.length)
  let offset = 0
  while (offset < length && found[offset] === made[offset]) offset++
  throw forged(
    offset,
    `it differs from the image that this host makes from its source, from byte ${offset} on (${found.length} bytes, ${made.length} expected)`
  )
}

function forged(offset: number, message: string): Error {
  return refusal({
    _tag: "ForgedImage",
    offset,
    message: `the memory image is not this host's own: ${message}. Build the module with this version of Planck`
  })
}
