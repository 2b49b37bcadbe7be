/**
 * What a filter says, as plain data. `compileFilter` turns it into a function over BSON bytes; the planner reads it to choose an index.
 *
 * Paths are as in `Bson/Path.ts`, values as in `Bson/Value.ts`. The meaning of every operator is in `Compile.ts`. Inside `any` and `all`
 * paths begin at the element, and the empty path is the element itself.
 */
import type { Value } from "../Bson/Value.ts"

/** The path, inside `any` and `all`, of the element itself. */
export const ELEMENT = ""

export type Filter =
  | { readonly op: "and" | "or"; readonly of: ReadonlyArray<Filter> }
  | { readonly op: "not"; readonly of: Filter }
  | { readonly op: "eq" | "ne" | "lt" | "le" | "gt" | "ge"; readonly path: string; readonly value: Value }
  | { readonly op: "in" | "notIn"; readonly path: string; readonly values: ReadonlyArray<Value> }
  | { readonly op: "between"; readonly path: string; readonly low: Value; readonly high: Value }
  | { readonly op: "prefix" | "suffix"; readonly path: string; readonly value: string }
  | { readonly op: "contains"; readonly path: string; readonly value: Value }
  | { readonly op: "regex"; readonly path: string; readonly pattern: string; readonly flags: string }
  | { readonly op: "exists"; readonly path: string; readonly value: boolean }
  | { readonly op: "type"; readonly path: string; readonly type: string }
  | { readonly op: "size"; readonly path: string; readonly size: number }
  | { readonly op: "any"; readonly path: string; readonly of: Filter }
  | { readonly op: "all"; readonly path: string; readonly of: Filter }
