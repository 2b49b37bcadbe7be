/**
 * The steps of a migration: what the host does to every document of an older version of a store. A path leads through structures
 * (`address.city`); where a document has nothing at it, a step does nothing, but for `setDefault`.
 */

/** What a value can be converted to. Kinds of numbers need no step: the schema takes whatever is exact. */
export type ConvertedType = "string" | "int" | "long" | "number" | "decimal" | "boolean" | "date" | "key" | "uuid" | "objectId"

/** One step, as the manifest has it. */
export type MigrationStep =
  | { readonly op: "rename"; readonly from: string; readonly to: string }
  | { readonly op: "drop"; readonly path: string }
  | { readonly op: "default"; readonly path: string; readonly value: unknown }
  | { readonly op: "convert"; readonly path: string; readonly to: ConvertedType }

/** Gives a field another name, or another place. `renameField("customer", "buyer")` */
export function renameField(from: string, to: string): MigrationStep {
  return { op: "rename", from, to }
}

/** Leaves a field out. `dropField("legacyCode")` */
export function dropField(path: string): MigrationStep {
  return { op: "drop", path }
}

/** Gives a field a value where it is missing: plain JSON. `setDefault("status", "open")` */
export function setDefault(path: string, value: unknown): MigrationStep {
  return { op: "default", path, value }
}

/** Makes a value one of another type; texts are read as forms are, dates become ISO texts or milliseconds. `convertField("total", "decimal")` */
export function convertField(path: string, to: ConvertedType): MigrationStep {
  return { op: "convert", path, to }
}
