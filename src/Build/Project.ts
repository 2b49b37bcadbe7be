/**
 * An author's folder: where the service begins, which templates it has.
 *
 * Invariant: paths are relative to the folder, with "/", whatever the platform; files outside of it are not part of the service, except packages.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join, relative, resolve, sep } from "node:path"
import { invalidService } from "./Failure.ts"
import { issueWithoutPlace } from "./Issue.ts"

export interface Project {
  /** Absolute path. */
  readonly folder: string
  /** The file whose default export is the service. */
  readonly entry: string
}

const ENTRIES = ["service.ts", "src/service.ts"]
/** Folders that never hold files of the service. Those that begin with a dot do not either. */
const IGNORED = new Set(["node_modules", "dist", "test"])
const FILES_MAX = 20_000

/** Finds the entry of a folder: `entry` when given, else `planck.entry` in package.json, else service.ts. Throws a Fault `InvalidService`. */
export function openProject(folder: string, entry?: string): Project {
  const root = resolve(folder)
  if (!existsSync(root) || !statSync(root).isDirectory())
    throw invalidService([issueWithoutPlace("project", folder, "there is no such folder")])
  const wanted = entry ?? entryOfPackage(root)
  if (wanted !== undefined) {
    if (existsSync(join(root, wanted))) return { folder: root, entry: posix(relative(root, resolve(root, wanted))) }
    throw invalidService([issueWithoutPlace("project", wanted, `the entry of the service does not exist in ${folder}`)])
  }
  const found = ENTRIES.find((name) => existsSync(join(root, name)))
  if (found !== undefined) return { folder: root, entry: found }
  throw invalidService([
    issueWithoutPlace(
      "project",
      folder,
      `no service here: expected ${ENTRIES.join(" or ")}, or "planck": { "entry": "…" } in package.json; planck new writes one`
    )
  ])
}

/** Services of one folder. */
const SERVICES_MAX = 1000

/** Whether there is a service in the folder itself. */
export function isServiceFolder(folder: string): boolean {
  const root = resolve(folder)
  if (ENTRIES.some((name) => existsSync(join(root, name)))) return true
  try {
    return entryOfPackage(root) !== undefined
  } catch {
    return false
  }
}

/**
 * The folders of the services in a folder: itself, or those right in it that are services, sorted. Empty when there is none. Throws a Fault
 * `InvalidService` when there are too many.
 */
export function serviceFolders(folder: string): ReadonlyArray<string> {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return []
  if (isServiceFolder(folder)) return [folder]
  const found = readdirSync(folder, { withFileTypes: true })
    .filter((item) => item.isDirectory() && !item.name.startsWith(".") && !IGNORED.has(item.name))
    .map((item) => join(folder, item.name))
    .filter(isServiceFolder)
    .toSorted()
  if (found.length > SERVICES_MAX) throw invalidService([issueWithoutPlace("project", folder, `more than ${SERVICES_MAX} services`)])
  return found
}

/** Files of the folder with one of these endings, sorted. */
export function listFiles(folder: string, ending: string): string[] {
  const found: string[] = []
  const visit = (directory: string): void => {
    for (const item of readdirSync(join(folder, directory), { withFileTypes: true })) {
      const path = directory === "" ? item.name : `${directory}/${item.name}`
      if (item.isDirectory() && !item.name.startsWith(".") && !IGNORED.has(item.name)) visit(path)
      if (item.isFile() && item.name.endsWith(ending) && found.push(path) > FILES_MAX) {
        throw invalidService([issueWithoutPlace("project", folder, `more than ${FILES_MAX} ${ending} files`)])
      }
    }
  }
  visit("")
  return found.toSorted()
}

/** The text of a file of the folder; undefined when it cannot be read. */
export function readText(folder: string, file: string): string | undefined {
  try {
    return readFileSync(join(folder, file), "utf8")
  } catch {
    return undefined
  }
}

/** A path with "/" between its parts. */
export function posix(path: string): string {
  return sep === "/" ? path : path.replaceAll(sep, "/")
}

function entryOfPackage(root: string): string | undefined {
  const text = readText(root, "package.json")
  if (text === undefined) return undefined
  try {
    const { planck } = JSON.parse(text) as { readonly planck?: { readonly entry?: unknown } }
    return typeof planck?.entry === "string" ? planck.entry : undefined
  } catch (error) {
    throw invalidService([
      issueWithoutPlace("project", "package.json", `not JSON: ${error instanceof Error ? error.message : String(error)}`)
    ])
  }
}
