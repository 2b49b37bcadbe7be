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

/**
 * A function that makes a document of one version into one of another. It says what a document was: `(old: { first: string, last: string }) => …`.
 * `_id` stays, so it may be left out. It sees nothing but the document: no store, no configuration.
 */
export type MigrationFunction = (document: never) => object | Promise<object>

/** What makes documents of one version into documents of another. */
export type MigrationWay = ReadonlyArray<MigrationStep> | MigrationFunction

/** How documents of the version before become documents of this one, and how they get back. */
export interface MigrationBothWays {
  readonly up: MigrationWay
  readonly down: MigrationWay
}

/** What is given for each version. */
export type Migrations = Readonly<Record<number, MigrationWay | MigrationBothWays>>

/** A way as the manifest has it. */
export type WayDefinition = { readonly steps: ReadonlyArray<MigrationStep> } | { readonly handler: string }

/** A migration as the manifest has it. */
export type MigrationDefinition = WayDefinition & { readonly to: number; readonly down?: WayDefinition }

/** A function under the name that the manifest has for it, as the engine calls it. */
export interface MigrationProgram {
  readonly name: string
  readonly run: (request: { readonly body: { readonly _id: unknown } }) => unknown
}

/** The migrations of a store as the manifest has them, and their functions in the order in which it names them. */
export function migrationsOf(
  store: string,
  migrations: Migrations
): { readonly definitions: ReadonlyArray<MigrationDefinition>; readonly programs: ReadonlyArray<MigrationProgram> } {
  const programs: MigrationProgram[] = []
  const define = (way: MigrationWay, name: string): WayDefinition => {
    if (typeof way !== "function") return { steps: way }
    programs.push({ name, run: programOf(way, name) })
    return { handler: name }
  }
  const definitions = Object.entries(migrations).map(([version, given]): MigrationDefinition => {
    const to = Number(version)
    if (!("up" in given)) return { to, ...define(given, `migrate ${store} to ${to}`) }
    const up = define(given.up, `migrate ${store} to ${to}`)
    return { to, ...up, down: define(given.down, `migrate ${store} down from ${to}`) }
  })
  return { definitions, programs }
}

function programOf(migrate: MigrationFunction, name: string): MigrationProgram["run"] {
  return ({ body }) => {
    const made = migrate(body as never)
    return made instanceof Promise ? made.then((settled) => withId(settled, body._id, name)) : withId(made, body._id, name)
  }
}

function withId(made: object, id: unknown, name: string): object {
  if (typeof made !== "object" || made === null || Array.isArray(made)) throw new TypeError(`"${name}" has to return a document`)
  return "_id" in made ? made : { _id: id, ...made }
}

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
