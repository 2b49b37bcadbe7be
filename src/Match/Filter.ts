/**
 * What a filter says, as plain data. `compileFilter` turns it into a function over BSON bytes; the planner reads it to choose an index.
 *
 * Paths are as in `Bson/Path.ts`, values as in `Bson/Value.ts`. The meaning of every operator is in `Compile.ts`.
 */
import type { Value } from "../Bson/Value.ts"

export type Filter =
  | { readonly op: "and" | "or"; readonly of: ReadonlyArray<Filter> }
  | { readonly op: "not"; readonly of: Filter }
  | { readonly op: "eq" | "ne" | "lt" | "le" | "gt" | "ge"; readonly path: string; readonly value: Value }
  | { readonly op: "in" | "notIn"; readonly path: string; readonly values: ReadonlyArray<Value> }
  | { readonly op: "between"; readonly path: string; readonly low: Value; readonly high: Value }
  | { readonly op: "prefix"; readonly path: string; readonly value: string }
  | { readonly op: "exists"; readonly path: string; readonly value: boolean }
