/**
 * Which services a command is about: one, or those of a folder.
 *
 * Invariants
 * - A folder that is a service is that one service, whatever lies in it.
 * - A folder that is none stands for the sources that its `planck.yaml` names; without them for the services right in it; without those for the
 *   built ones.
 */
import * as Effect from "effect/Effect"
import { existsSync, readdirSync, statSync } from "node:fs"
import { basename, dirname, join, relative } from "node:path"
import { isServiceFolder, serviceFolders } from "../Build/Project.ts"
import { type LoadedConfiguration, resolvePath } from "../Config/Config.ts"
import { type Mount, ROOT } from "../Config/Mount.ts"
import { Failure } from "./Failure.ts"

/** A service to be built or served. */
export interface Source {
  /** A folder or a `.wasm`. */
  readonly path: string
  /** What messages call it: its path from the folder of all. */
  readonly label: string
  /** The name that the configuration gives it; the service has to have it. */
  readonly name: string | undefined
}

export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The folder in which the configuration of a source is looked for. */
export const folderOf = (source: string): string => (isFolder(source) ? source : dirname(source))

/**
 * The services that `given` stands for, or the configuration when nothing is given; a thing that is none of all this stands for itself, so that
 * whoever reads it says what is wrong.
 */
export const sourcesOf = (given: string | undefined, configuration: LoadedConfiguration): Effect.Effect<ReadonlyArray<Source>, Failure> =>
  Effect.suspend(() => {
    const folder = given ?? "."
    const itself: ReadonlyArray<Source> = [{ path: folder, label: basename(folder), name: undefined }]
    if (given !== undefined && (!isFolder(given) || isServiceFolder(given))) return Effect.succeed(itself)
    const listed = listedIn(configuration)
    const missing = listed.find(({ path }) => !existsSync(path))
    if (missing !== undefined) {
      const where = `${configuration.file ?? "planck.yaml"}: services.${missing.name}.source`
      return Effect.fail(new Failure({ code: "NoSuchSource", message: `${where}: there is no file or folder ${missing.path}` }))
    }
    if (listed.length > 0) return Effect.succeed(listed)
    const found = [...serviceFolders(folder), ...builtIn(folder)]
    return Effect.succeed(found.length > 0 ? found.map((path) => ({ path, label: labelOf(folder, path), name: undefined })) : itself)
  })

const listedIn = (configuration: LoadedConfiguration): ReadonlyArray<Source> =>
  configuration.services.flatMap(({ name, source }): ReadonlyArray<Source> => {
    if (source === undefined) return []
    const path = resolvePath(configuration, source)
    return [{ path, label: labelOf(configuration.base, path), name }]
  })

/** Built services that lie right in the folder, when no others do. */
const builtIn = (folder: string): ReadonlyArray<string> =>
  serviceFolders(folder).length > 0
    ? []
    : readdirSync(folder)
        .filter((name) => name.endsWith(".wasm"))
        .toSorted()
        .map((name) => join(folder, name))

export const labelOf = (folder: string, path: string): string => relative(folder, path) || basename(path)

/** Where a service is found: as configured; else the only one is everything, and each of several is below its name. */
export const mountOf = (name: string, configuration: LoadedConfiguration, isOnly: boolean): Mount =>
  configuration.services.find((service) => service.name === name)?.mount ?? (isOnly ? ROOT : { host: undefined, path: `/${name}` })

/** The address of a place, as a browser writes it. */
export function addressOf(url: string, { host, path }: Mount): string {
  const { port, protocol } = new URL(url)
  const origin = host === undefined ? url : `${protocol}//${host}${port === "" ? "" : `:${port}`}`
  return path === "" ? origin : `${origin}${path}/`
}
