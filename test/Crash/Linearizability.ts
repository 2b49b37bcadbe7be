/**
 * Is there an order of these operations on one register, each at one moment between its beginning and its end, in which each gave what it
 * gave? (Wing and Gong's search, with Lowe's memory of the states it has been in.) Knows nothing of the engine.
 *
 * Invariants
 * - An operation without an outcome (its process died) has happened at one moment between beginning and end, or never.
 * - The search is exact: it answers, or it says that it gave up after `STATES_MAX`.
 */

/** What was asked of a register and what came of it; `outcome` is undefined when nobody knows. */
export type Call =
  | { readonly kind: "read"; readonly outcome: number | undefined }
  | { readonly kind: "write"; readonly value: number; readonly outcome: "done" | undefined }
  | { readonly kind: "swap"; readonly expected: number; readonly value: number; readonly outcome: number | "swapped" | undefined }

/** A call with its beginning and end in any unit; no two of these moments are the same. A call without an outcome ends when its process did. */
export type Operation = Call & { readonly begin: number; readonly end: number }

/** States after which the search gives up. */
export const STATES_MAX = 2_000_000

/** The value of a register that nobody has written. */
export const UNWRITTEN = 0

/** The value after a call, or undefined when it cannot have had its outcome then. */
function after(value: number, call: Call): number | undefined {
  switch (call.kind) {
    case "read":
      return call.outcome === value ? value : undefined
    case "write":
      return call.value
    case "swap":
      if (call.outcome === "swapped" || call.outcome === undefined) return call.expected === value ? call.value : undefined
      return call.outcome === value && value !== call.expected ? value : undefined
  }
}

/** A moment of the search: which operations have had their turn, and the value then. */
interface State {
  readonly value: number
  /** All operations before this one (in the order of their beginnings) have had their turn or never will. */
  readonly first: number
  /** Those after `first` that have had their turn, ascending. */
  readonly ahead: ReadonlyArray<number>
  /** How many with an outcome have had their turn. */
  readonly known: number
  /** The latest beginning among all that have had their turn. */
  readonly moment: number
}

/** Whether the history of one register is linearizable. Throws when it cannot tell within `STATES_MAX` states. */
export function isLinearizable(history: ReadonlyArray<Operation>): boolean {
  // A read that nobody got an answer to says nothing.
  const operations = history.filter(({ kind, outcome }) => kind !== "read" || outcome !== undefined).toSorted((a, b) => a.begin - b.begin)
  const known = operations.filter(({ outcome }) => outcome !== undefined).length
  const visited = new Set<string>()
  const stack: Array<State> = [advance(operations, { value: UNWRITTEN, first: 0, ahead: [], known: 0, moment: -Infinity })]
  for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
    if (state.known === known) return true
    // The moment follows from the rest.
    const name = `${state.first}/${state.value}/${state.ahead.join()}`
    if (visited.has(name)) continue
    visited.add(name)
    if (visited.size > STATES_MAX) throw new Error(`not decided after ${STATES_MAX} states`)
    stack.push(...nextStates(operations, state))
  }
  return false
}

/** Every state that one more operation leads to; the one that ends first is tried first, for it comes last. */
function nextStates(operations: ReadonlyArray<Operation>, state: State): ReadonlyArray<State> {
  const candidates: Array<number> = []
  let earliestEnd = Infinity
  for (let index = state.first; index < operations.length && operations[index]!.begin < earliestEnd; index++) {
    if (state.ahead.includes(index)) continue
    const operation = operations[index]!
    if (operation.outcome !== undefined) earliestEnd = Math.min(earliestEnd, operation.end)
    candidates.push(index)
  }
  const next: Array<State> = []
  for (const index of candidates.toSorted((a, b) => operations[b]!.end - operations[a]!.end)) {
    const operation = operations[index]!
    if (operation.begin > earliestEnd || operation.end < state.moment) continue
    const value = after(state.value, operation)
    if (value === undefined) continue
    const ahead = [...state.ahead, index].toSorted((a, b) => a - b)
    const known = state.known + (operation.outcome === undefined ? 0 : 1)
    next.push(advance(operations, { value, first: state.first, ahead, known, moment: Math.max(state.moment, operation.begin) }))
  }
  return next
}

/** Moves `first` over everything that has had its turn, or no longer can. */
function advance(operations: ReadonlyArray<Operation>, state: State): State {
  let { first } = state
  const ahead = state.ahead.slice()
  for (; first < operations.length; first++) {
    const operation = operations[first]!
    if (ahead[0] === first) ahead.shift()
    else if (operation.outcome !== undefined || operation.end >= state.moment) break
  }
  return { ...state, first, ahead }
}
