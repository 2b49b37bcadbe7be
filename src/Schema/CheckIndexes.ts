/** Checks the index definitions of a store against its fields. */
import { compilePath } from "../Bson/Path.ts"
import type { Field, Fields } from "./Definition.ts"
import { checkObject, type Reporter } from "./Reporter.ts"

/** How many indexes a store may have. */
export const INDEXES_MAX = 64
/** How many paths an index may have. */
export const INDEX_PATHS_MAX = 32

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
    if (typeof part.path !== "string" || !isPathOf(part.path, fields)) {
      reporter.report(`${place}/path`, "invalid", "leads to no field of the schema")
    } else if (paths.has(part.path)) reporter.report(`${place}/path`, "duplicate", "occurs twice in this index")
    paths.add(part.path)
    if (part.direction !== "asc" && part.direction !== "desc") reporter.report(`${place}/direction`, "invalid", 'must be "asc" or "desc"')
  })
}

/** Whether a path leads to a field: by name through structs, by name or position through arrays, anywhere in records and any. */
function isPathOf(text: string, fields: Fields | undefined): boolean {
  try {
    const names = compilePath(text).text.split(".")
    return text === "_id" || fields === undefined || leadsToField(names, { type: "struct", fields })
  } catch {
    return false
  }
}

function leadsToField(names: ReadonlyArray<string>, field: Field): boolean {
  const [name, ...rest] = names
  if (name === undefined) return true
  switch (field.type) {
    case "struct": {
      const next = Object.hasOwn(field.fields, name) ? field.fields[name] : undefined
      return next !== undefined && leadsToField(rest, next)
    }
    case "array":
      return leadsToField(names, field.items) || (/^\d+$/.test(name) && leadsToField(rest, field.items))
    case "record":
      return leadsToField(rest, field.values)
    case "union":
      return field.members.some((member) => leadsToField(names, member))
    default:
      return field.type === "any"
  }
}
