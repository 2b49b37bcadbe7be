/**
 * What a store, an input or a configuration looks like, as plain data: it travels in manifests as JSON.
 *
 * Invariants
 * - Definitions from outside pass `checkStore`, `checkFields` or `checkField` (see `Check.ts`) before anything is compiled from them.
 * - A field that is neither `optional` nor has a `default` is required; only a `nullable` field may hold null.
 * - The schema decides a value's encoding and the order of a document's fields, not the program that wrote it.
 */
import type { IdKind } from "../Bson/Key.ts"

export type { IdKind }

/** A field: its type and whether it may be left out (`optional`), be null (`nullable`) or is filled in (`default`, plain JSON). */
export type Field = FieldType & { readonly optional?: true; readonly nullable?: true; readonly default?: unknown }

/**
 * The type of a field and its limits, all inclusive.
 *
 * `string` lengths count code points, `pattern` is a JavaScript regular expression (flag u) that has to match somewhere; `int` is a
 * 32-bit and `long` a 64-bit integer (its limits as text), `number` a double; `binary` lengths count bytes.
 */
export type FieldType =
  | { readonly type: "string"; readonly minLength?: number; readonly maxLength?: number; readonly pattern?: string }
  | { readonly type: "int"; readonly min?: number; readonly max?: number }
  | { readonly type: "long"; readonly min?: string; readonly max?: string }
  | { readonly type: "number"; readonly min?: number; readonly max?: number }
  | { readonly type: "decimal" }
  | { readonly type: "boolean" }
  | { readonly type: "date" }
  | { readonly type: "key"; readonly store?: string }
  | { readonly type: "uuid" }
  | { readonly type: "objectId" }
  | { readonly type: "binary"; readonly maxLength?: number }
  | { readonly type: "literals"; readonly values: ReadonlyArray<string | number | boolean | null> }
  | { readonly type: "array"; readonly items: Field; readonly minItems?: number; readonly maxItems?: number }
  | { readonly type: "struct"; readonly fields: Fields }
  | { readonly type: "record"; readonly values: Field; readonly maxEntries?: number }
  | { readonly type: "union"; readonly members: ReadonlyArray<Field> }
  | { readonly type: "any" }

/** Named fields, in the order in which documents hold them. */
export type Fields = { readonly [name: string]: Field }

/**
 * A secondary index over one or more paths.
 *
 * `unique`: no two documents have the same values there; a missing field counts as null. `sparse` leaves out documents that have nothing, or
 * null, at all of the paths. `where` leaves out those that it does not hold for. `expireAfterMs` removes a document that long after the
 * date at the (one) path, or after the earliest when there are several.
 */
export interface IndexDefinition {
  readonly name: string
  readonly on: ReadonlyArray<{ readonly path: string; readonly direction: "asc" | "desc" }>
  readonly unique?: true
  readonly sparse?: true
  readonly where?: IndexFilter
  readonly expireAfterMs?: number
}

/**
 * Which documents a partial index has: a filter as `src/Match` knows it. In a definition its values are plain JSON, in the form that the
 * fields have in JSON (dates, keys and decimals are text); `readIndexFilter` turns them into values.
 */
export type IndexFilter<Value = unknown> =
  | { readonly op: "and" | "or"; readonly of: ReadonlyArray<IndexFilter<Value>> }
  | { readonly op: "not"; readonly of: IndexFilter<Value> }
  | { readonly op: "eq" | "ne" | "lt" | "le" | "gt" | "ge"; readonly path: string; readonly value: Value }
  | { readonly op: "in" | "notIn"; readonly path: string; readonly values: ReadonlyArray<Value> }
  | { readonly op: "between"; readonly path: string; readonly low: Value; readonly high: Value }
  | { readonly op: "prefix"; readonly path: string; readonly value: string }
  | { readonly op: "exists"; readonly path: string; readonly value: boolean }

/**
 * One thing that a migration does to a document. A path leads through structures only (`address.city`); a step that finds nothing there does
 * nothing, but for `default`, which is for just that.
 */
export type MigrationStep =
  | { readonly op: "rename"; readonly from: string; readonly to: string }
  | { readonly op: "drop"; readonly path: string }
  /** Gives the field a value (plain JSON) where it is missing. */
  | { readonly op: "default"; readonly path: string; readonly value: unknown }
  | { readonly op: "convert"; readonly path: string; readonly to: ConvertedType }

/** What a value can be converted to. Between kinds of numbers nothing has to be converted: the schema takes whatever is exact. */
export type ConvertedType = "string" | "int" | "long" | "number" | "decimal" | "boolean" | "date" | "key" | "uuid" | "objectId"

/** How documents of one version become documents of another: by steps, in their order, or by a handler of the module. */
export interface MigrationWay {
  readonly steps?: ReadonlyArray<MigrationStep>
  readonly handler?: string
}

/** How documents of the version before `to` become documents of it, and, where it is said, how they get back. */
export interface Migration extends MigrationWay {
  readonly to: number
  readonly down?: MigrationWay
}

/**
 * What the answer to a write waits for. `fsync`: for the disk. `interval`: for nothing, but a sync is asked for within
 * `storage.syncIntervalMs`. `memory`: for nothing, and it comes to disk with whatever is synced next.
 */
export const DURABILITY_LEVELS = ["fsync", "interval", "memory"] as const
export type DurabilityLevel = (typeof DURABILITY_LEVELS)[number]

/** A store: its name, how its documents are identified, its fields except `_id`, and its indexes. */
export interface StoreDefinition {
  readonly name: string
  readonly idKind: IdKind
  readonly schema: Fields
  readonly indexes: ReadonlyArray<IndexDefinition>
  /** What answers wait for that rest on this store; what the configuration says when it is left out. */
  readonly durability?: DurabilityLevel
  /** Counts the versions of the schema between which documents are migrated; 1 unless given. */
  readonly version?: number
  /** How documents of earlier versions get to this one, in the order of `to`. Not kept with the store. */
  readonly migrations?: ReadonlyArray<Migration>
}
