/**
 * Keeps `process.nextTick`, which Node calls several times a request, as fast as it begins.
 *
 * V8 holds an object's hidden class weakly. When a collection meets no object of a class, the class goes and the next object gets a new one; a
 * place in the code that has met a few such counts as one that sees objects of any kind, and is slow for good. The objects that `nextTick` queues
 * are short-lived enough for that: after three collections between requests each call took four times as long. One that stays alive keeps the
 * class, and those it came from (docs/decisions/0013).
 */
import { executionAsyncResource } from "node:async_hooks"

const kept: Array<object> = []

/** Keeps one queued object of each form, with arguments and without, for the life of the process. Further calls do nothing. */
export function keepTickShape(): void {
  if (kept.length > 0) return
  const keep = (): void => void kept.push(executionAsyncResource())
  process.nextTick(keep)
  process.nextTick(keep, undefined)
}
