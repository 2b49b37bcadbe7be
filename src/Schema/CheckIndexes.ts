/** Checks the index definitions of a store against its fields. */
import type { Fields } from "./Definition.ts"
import { fieldsAt } from "./FieldPath.ts"
import { checkIndexFilter } from "./IndexFilter.ts"
import { checkObject, type Reporter } from "./Reporter.ts"

/** How many indexes a store may have. */
export const INDEXES_MAX = 64
/** How many paths an index may have. */
export const INDEX_PATHS_MAX = 16
/** The longest time after which documents expire: a hundred years. */
export const EXPIRE_AFTER_MS_MAX = 100 * 366 * 86_400_000

const INDEX_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/

/** Reports what is wrong with indexes; `fields` is undefined when the schema has issues of its own, then paths are not looked up. */
export function checkIndexes(reporter: Reporter, pointer: string, value: unknown, fields: Fields | undefined): void {
  if (!Array.isArray(value) || value.length > INDEXES_MAX) {
    return reporter.report(pointer, "type", `expected an array of at most ${INDEXES_MAX} indexes`)
  }
  const names = new Set<unknown>()
  value.forEach((index: unknown, position) => {
    const place = `${pointer}/${position}`
    if (!checkObject(reporter, place, index, ["name", "on"], ["unique", "sparse", "where", "expireAfterMs"])) return
    if (typeof index.name !== "string" || !INDEX_NAME.test(index.name)) {
      reporter.report(`${place}/name`, "invalid", "an index's name is 1 to 128 letters, digits, _, - and dots, starting with a letter")
    } else if (names.has(index.name)) reporter.report(`${place}/name`, "duplicate", `another index is called ${index.name}`)
    names.add(index.name)
    for (const flag of ["unique", "sparse"]) {
      if (index[flag] !== undefined && index[flag] !== true) reporter.report(`${place}/${flag}`, "invalid", "is true or missing")
    }
    checkPaths(reporter, `${place}/on`, index.on, fields)
    if (index.where !== undefined) checkIndexFilter(reporter, `${place}/where`, index.where, fields)
    if (index.expireAfterMs !== undefined) checkExpiry(reporter, place, index, fields)
  })
}

function checkPaths(reporter: Reporter, pointer: string, value: unknown, fields: Fields | undefined): void {
  if (!Array.isArray(value) || value.length === 0 || value.length > INDEX_PATHS_MAX) {
    return reporter.report(pointer, "type", `expected an array of 1 to ${INDEX_PATHS_MAX} paths`)
  }
  const paths = new Set<unknown>()
  let throughArrays: string | undefined
  value.forEach((part: unknown, position) => {
    const place = `${pointer}/${position}`
    if (!checkObject(reporter, place, part, ["path", "direction"], [])) return
    const { path } = part
    if (typeof path !== "string") reporter.report(`${place}/path`, "type", "expected a string")
    else if (paths.has(path)) reporter.report(`${place}/path`, "duplicate", "occurs twice in this index")
    else if (fields !== undefined && checkPath(reporter, `${place}/path`, path, fields)) {
      if (throughArrays !== undefined) reporter.report(`${place}/path`, "unsupported", `${throughArrays} and ${path} may both hold arrays`)
      throughArrays = path
    }
    paths.add(path)
    if (part.direction !== "asc" && part.direction !== "desc") reporter.report(`${place}/direction`, "invalid", 'must be "asc" or "desc"')
  })
}

/** Reports a path that leads to no field; whether one document may have several values there, which one path of an index may. */
function checkPath(reporter: Reporter, pointer: string, path: string, fields: Fields): boolean {
  const found = fieldsAt(fields, path)
  if (path === "_id") reporter.report(pointer, "invalid", "documents are in the order of their _id already")
  else if (found.fields.length === 0) reporter.report(pointer, "invalid", "leads to no field of the schema")
  return found.meetsArray
}

function checkExpiry(reporter: Reporter, place: string, index: Record<string, unknown>, fields: Fields | undefined): void {
  const { expireAfterMs, on } = index
  if (!Number.isInteger(expireAfterMs) || Number(expireAfterMs) < 0 || Number(expireAfterMs) > EXPIRE_AFTER_MS_MAX) {
    reporter.report(`${place}/expireAfterMs`, "invalid", `must be a whole number from 0 to ${EXPIRE_AFTER_MS_MAX}`)
  }
  const paths: ReadonlyArray<unknown> = Array.isArray(on) ? on : []
  if (paths.length > 1) reporter.report(`${place}/expireAfterMs`, "invalid", "needs an index over one path, a date")
  const only = paths[0]
  const path: unknown = typeof only === "object" && only !== null && "path" in only ? only.path : undefined
  if (paths.length !== 1 || typeof path !== "string" || fields === undefined) return
  const leads = fieldsAt(fields, path).fields
  if (leads.length > 0 && !leads.some(({ type }) => type === "date" || type === "any")) {
    reporter.report(`${place}/expireAfterMs`, "invalid", `${path} is no date`)
  }
}
