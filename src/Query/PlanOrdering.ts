/**
 * How the rows of an access come into the order that is asked for.
 *
 * Invariants
 * - A path that may meet an array gives no order; neither does an index through several ranges, or one in which a document stands twice.
 * - Behind the fields of an entry stands the document's key, so documents that sort alike are in the order of their keys in a forward walk.
 */
import type { Store } from "../Storage/Reader.ts"
import type { Access, IndexAccess } from "./Access.ts"
import type { Order } from "./Ast.ts"
import { idsAreOrdered, typeOfPath } from "./PathTypes.ts"
import type { Ordering } from "./Plan.ts"

/** What an order is planned for. */
export interface OrderTask {
  readonly store: Store
  readonly orderBy: ReadonlyArray<Order>
  /** False when the order of rows does not matter. */
  readonly ordered: boolean
}

export interface Ordered {
  readonly ordering: Ordering
  readonly direction: 1 | -1
}

/** How the rows of an access come into the order of the task. */
export function orderingOf(task: OrderTask, access: Access): Ordered {
  if (!task.ordered) return { ordering: "any", direction: 1 }
  const wanted = effectiveOrder(task, access)
  if (access.kind === "index") return indexOrdering(task.store, access, wanted)
  const byKey = keyDirection(task.store, wanted)
  if (byKey !== undefined && (access.kind === "union" || access.kind === "intersection")) return { ordering: "keys", direction: byKey }
  if (byKey === undefined) return { ordering: "sort", direction: 1 }
  return { ordering: "walk", direction: byKey }
}

/** The order asked for without the paths that have one value in all rows, which order nothing. */
function effectiveOrder(task: OrderTask, access: Access): ReadonlyArray<Order> {
  const equal = access.kind === "index" ? access.bound.filter((field) => field.leaf.op === "eq").map((field) => field.leaf.path) : []
  const fixed = equal.filter((path) => !typeOfPath(task.store.definition, path).meetsArray)
  const idAt = idsAreOrdered(task.store.definition) ? task.orderBy.findIndex((order) => order.path === "_id") : -1
  const told = idAt < 0 ? task.orderBy : task.orderBy.slice(0, idAt + 1)
  return told.filter((order) => !fixed.includes(order.path))
}

/** The direction of a walk by key that gives the order, if one does. */
function keyDirection(store: Store, wanted: ReadonlyArray<Order>): 1 | -1 | undefined {
  const [first] = wanted
  if (first === undefined) return 1
  if (first.path !== "_id" || !idsAreOrdered(store.definition)) return undefined
  return first.direction === "asc" ? 1 : -1
}

function indexOrdering(store: Store, access: IndexAccess, wanted: ReadonlyArray<Order>): Ordered {
  const rest = access.index.definition.on.slice(access.bound.length)
  const union = access.bound.some((field) => field.leaf.op === "in")
  const match = union || access.repeats ? undefined : matchOrder(store, rest, wanted)
  if (match !== undefined) return match
  const byKey = keyDirection(store, wanted)
  return byKey === undefined ? { ordering: "sort", direction: 1 } : { ordering: "keys", direction: byKey }
}

/**
 * Whether walking the entries gives the order. Behind the fields of an entry stands the document's key, so in a forward walk through
 * all of an index's fields ties are in the order of keys, and `_id` may stand at the end of what is wanted.
 */
function matchOrder(store: Store, rest: IndexAccess["index"]["definition"]["on"], wanted: ReadonlyArray<Order>): Ordered | undefined {
  let direction: 1 | -1 | undefined
  for (let level = 0; level < wanted.length; level++) {
    const order = wanted[level] as Order
    const field = rest[level] ?? (level === rest.length && order.path === "_id" && idsAreOrdered(store.definition) ? KEY_FIELD : undefined)
    if (field === undefined || field.path !== order.path || typeOfPath(store.definition, field.path).meetsArray) return undefined
    const needed = field.direction === order.direction ? 1 : -1
    if (direction !== undefined && direction !== needed) return undefined
    direction = needed
  }
  const total = wanted.at(-1)?.path === "_id" && idsAreOrdered(store.definition)
  const tiesByKey = wanted.length === rest.length && direction !== -1
  if (total || tiesByKey) return { ordering: "walk", direction: direction ?? 1 }
  return wanted.length === 0 ? undefined : { ordering: "ties", direction: direction ?? 1 }
}

const KEY_FIELD = { path: "_id", direction: "asc" } as const

/**
 * The direction of a walk through the entries of an access in which the documents of each group stand together and the groups come in the
 * order of their keys; undefined when there is none.
 */
export function groupDirection(store: Store, access: IndexAccess, groupBy: ReadonlyArray<string>): 1 | -1 | undefined {
  if (access.repeats || access.bound.some((field) => field.leaf.op === "in")) return undefined
  const fixed = access.bound.map((field) => field.leaf.path)
  const rest = access.index.definition.on.slice(access.bound.length)
  let direction: 1 | -1 | undefined
  let level = 0
  for (const path of groupBy) {
    if (typeOfPath(store.definition, path).meetsArray) return undefined
    if (fixed.includes(path)) continue
    const field = rest[level++]
    if (field?.path !== path) return undefined
    const needed = field.direction === "asc" ? 1 : -1
    if (direction !== undefined && direction !== needed) return undefined
    direction = needed
  }
  return direction ?? 1
}
