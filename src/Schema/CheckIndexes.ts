/** Checks the index definitions of a store against its fields. */
import type { Field, Fields } from "./Definition.ts"
import { checkObject, type Reporter } from "./Reporter.ts"

/** How many indexes a store may have. */
export const INDEXES_MAX = 64
/** How many paths an index may have. */
export const INDEX_PATHS_MAX = 16

const INDEX_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/

/** Reports what is wrong with indexes; `fields` is undefined when the schema has issues of its own, then paths are not looked up. */
export function checkIndexes(reporter: Reporter, pointer: string, value: unknown, fields: Fields | undefined): void {
  if (!Array.isArray(value) || value.length > INDEXES_MAX) {
    return reporter.report(pointer, "type", `expected an array of at most ${INDEXES_MAX} indexes`)
  }
  const names = new Set<unknown>()
  value.forEach((index: unknown, position) => {
    const place = `${pointer}/${position}`
    if (!checkObject(reporter, place, index, ["name", "on"], ["unique"])) return
    if (typeof index.name !== "string" || !INDEX_NAME.test(index.name)) {
      reporter.report(`${place}/name`, "invalid", "an index's name is 1 to 128 letters, digits, _, - and dots, starting with a letter")
    } else if (names.has(index.name)) reporter.report(`${place}/name`, "duplicate", `another index is called ${index.name}`)
    names.add(index.name)
    if (index.unique !== undefined) reporter.report(`${place}/unique`, "unsupported", "unique indexes are not supported yet")
    checkPaths(reporter, `${place}/on`, index.on, fields)
  })
}

function checkPaths(reporter: Reporter, pointer: string, value: unknown, fields: Fields | undefined): void {
  if (!Array.isArray(value) || value.length === 0 || value.length > INDEX_PATHS_MAX) {
    return reporter.report(pointer, "type", `expected an array of 1 to ${INDEX_PATHS_MAX} paths`)
  }
  const paths = new Set<unknown>()
  value.forEach((part: unknown, position) => {
    const place = `${pointer}/${position}`
    if (!checkObject(reporter, place, part, ["path", "direction"], [])) return
    if (typeof part.path !== "string") reporter.report(`${place}/path`, "type", "expected a string")
    else if (paths.has(part.path)) reporter.report(`${place}/path`, "duplicate", "occurs twice in this index")
    else if (fields !== undefined) checkPath(reporter, `${place}/path`, part.path, fields)
    paths.add(part.path)
    if (part.direction !== "asc" && part.direction !== "desc") reporter.report(`${place}/direction`, "invalid", 'must be "asc" or "desc"')
  })
}

/** A path has to lead through structs to a field that is no array: every document has one entry in an index. */
function checkPath(reporter: Reporter, pointer: string, path: string, fields: Fields): void {
  if (path === "_id") return reporter.report(pointer, "invalid", "documents are in the order of their _id already")
  let field: Field = { type: "struct", fields }
  for (const name of path.split(".")) {
    if (mayBeArray(field)) return reporter.report(pointer, "unsupported", NO_ARRAYS)
    const next: Field | undefined = field.type === "struct" && Object.hasOwn(field.fields, name) ? field.fields[name] : undefined
    if (next === undefined) return reporter.report(pointer, "invalid", "leads to no field of the schema")
    field = next
  }
  if (mayBeArray(field)) reporter.report(pointer, "unsupported", NO_ARRAYS)
}

const NO_ARRAYS = "values that are or may be arrays cannot be indexed yet"

function mayBeArray(field: Field): boolean {
  return field.type === "array" || field.type === "any" || (field.type === "union" && field.members.some(mayBeArray))
}
