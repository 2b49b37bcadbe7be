/** structuredClone: deep copies of data, cycles included. */
import { native } from "./native.ts"

/** A copy of a value. Functions, symbols, promises and the like cannot be copied: a TypeError. */
export function clone<Value>(value: Value): Value {
  return copy(value, new Map()) as Value
}

function copy(value: unknown, known: Map<object, unknown>): unknown {
  if (typeof value === "function" || typeof value === "symbol") throw new TypeError(`a ${typeof value} cannot be cloned`)
  if (typeof value !== "object" || value === null) return value
  if (native.kind(value) >= 0) return value
  const before = known.get(value)
  if (before !== undefined) return before
  return copyObject(value, known)
}

function copyObject(value: object, known: Map<object, unknown>): unknown {
  const remember = <Made extends object>(made: Made): Made => {
    known.set(value, made)
    return made
  }
  if (value instanceof Date) return remember(new Date(value.getTime()))
  if (value instanceof RegExp) return remember(new RegExp(value.source, value.flags))
  if (value instanceof ArrayBuffer) return remember(value.slice(0))
  if (ArrayBuffer.isView(value)) {
    const view = value as Uint8Array
    return remember(view.slice(0))
  }
  if (value instanceof Error) return remember(Object.assign(new Error(value.message), { name: value.name, stack: value.stack }))
  if (value instanceof Map) {
    const made = remember(new Map())
    for (const [key, item] of value) made.set(copy(key, known), copy(item, known))
    return made
  }
  if (value instanceof Set) {
    const made = remember(new Set())
    for (const item of value) made.add(copy(item, known))
    return made
  }
  if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet) throw new TypeError("this object cannot be cloned")
  const made = remember(Array.isArray(value) ? new Array<unknown>(value.length) : {}) as Record<string, unknown>
  for (const [name, item] of Object.entries(value)) made[name] = copy(item, known)
  return made
}
