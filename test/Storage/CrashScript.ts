/** A scripted life of a database: every kind of operation, chosen by a seed, with the model kept beside it. */
import { assert } from "@effect/vitest"
import { Key } from "../../src/Bson/Value.ts"
import type { DocumentValue } from "../../src/Bson/Value.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import type { IndexDefinition, StoreDefinition } from "../../src/Schema/Definition.ts"
import type { Store, Transaction } from "../../src/Storage/Reader.ts"
import { type CrashMachine, Stuck } from "./CrashMachine.ts"
import { type Entry, entryOf, type History, hexOf, type State, type StoreState } from "./CrashModel.ts"
import { isViolated } from "./IndexModel.ts"
import { Random } from "./Random.ts"
import { CUSTOMERS, ORDERS, orderKey } from "./Shop.ts"

const ORDER_NUMBERS = 40
const NAMES = ["ann", "bob", "cleo", "dora", "emil", "fay"]

/** Orders with a field of every kind that indexes treat in their own way. */
const TAGGED: StoreDefinition = {
  ...ORDERS,
  schema: { ...ORDERS.schema, tags: { type: "array", items: { type: "string" }, optional: true } }
}
const index = (name: string, paths: ReadonlyArray<string>, options: Partial<IndexDefinition> = {}): IndexDefinition => ({
  name,
  on: paths.map((path) => ({ path, direction: "asc" })),
  ...options
})
const BY_TOTAL_ONLY = index("byTotalOnly", ["total"])
const BY_TAG = index("byTag", ["tags", "total"])
const UNIQUE_NOTE = index("uniqueNote", ["note"], { unique: true, sparse: true })
const UNIQUE_OPEN = index("uniqueOpen", ["total"], { unique: true, where: { op: "eq", path: "status", value: "open" } })
const UNIQUE_TAG = index("uniqueTag", ["tags"], { unique: true, sparse: true })

/** The definitions of `orders` a script moves between: indexes come and go. */
const ORDERS_VARIANTS: ReadonlyArray<StoreDefinition> = [
  TAGGED,
  { ...TAGGED, indexes: [...TAGGED.indexes, BY_TOTAL_ONLY, UNIQUE_NOTE] },
  { ...TAGGED, indexes: [BY_TOTAL_ONLY, BY_TAG] },
  { ...TAGGED, indexes: [BY_TAG, UNIQUE_OPEN, UNIQUE_NOTE] },
  { ...TAGGED, indexes: [index("paid", ["tags"], { where: { op: "in", path: "status", values: ["paid", "sent"] } }), UNIQUE_TAG] }
]

/** A transaction under way beside its model. */
interface Work {
  readonly transaction: Transaction
  stores: Map<string, { definition: StoreDefinition; entries: Map<string, Entry> }>
}

export class CrashScript {
  readonly machine: CrashMachine
  readonly history: History
  readonly #random: Random
  /** Commits that a unique index has refused. */
  refused = 0

  constructor(machine: CrashMachine, history: History, seed: number) {
    this.machine = machine
    this.history = history
    this.#random = new Random(seed)
  }

  /** The stores exist and hold something. */
  begin(): void {
    this.#define([TAGGED, CUSTOMERS])
    for (let count = 0; count < 3; count++) this.#transact()
  }

  /** One random step. Throws the faults of the engine and, from a start, of the disk. */
  step(): void {
    const random = this.#random
    const { machine } = this
    if (!this.history.latest.has("customers")) return this.#define([TAGGED, CUSTOMERS])
    const choice = random.below(100)
    if (choice < 45) this.#transact()
    else if (choice < 60) machine.turn(random.below(3))
    else if (choice < 75) machine.engine.maintain(1 + random.below(400))
    else if (choice < 84) machine.engine.freeze()
    else if (choice < 90) this.#define([random.pick(ORDERS_VARIANTS)])
    else if (choice < 92) machine.engine.compact(() => {})
    else if (choice < 95) machine.settle()
    else if (choice < 98) for (let count = 0; count < 8; count++) machine.turn(1)
    else this.#restart()
  }

  /** A stop, which is a clean one unless the disk fails, and a start. */
  #restart(): void {
    this.machine.stop()
    this.restarted()
  }

  /** Starts again, holds the engine to what was acknowledged and goes on from what it has. */
  restarted(): void {
    const { machine, history } = this
    const acknowledgedLsn = machine.acknowledgedLsn
    const { lastLsn } = machine.start().engine
    assert.isAtLeast(lastLsn, acknowledgedLsn, "an acknowledged commit is lost")
    history.forgetAfter(lastLsn)
  }

  #define(definitions: ReadonlyArray<StoreDefinition>): void {
    const { engine } = this.machine
    if (engine.admission() === "wait") this.machine.settle()
    const stores = new Map<string, StoreState>(this.history.latest)
    for (const definition of definitions) {
      stores.set(definition.name, { definition, entries: stores.get(definition.name)?.entries ?? new Map() })
    }
    const before = engine.lastLsn
    const lsn = engine.define(definitions)
    if (lsn > before) this.history.record(lsn, stores)
  }

  #transact(): void {
    const { engine } = this.machine
    if (engine.admission() === "wait") this.machine.settle()
    const work: Work = { transaction: engine.transact(), stores: copyOf(this.history.latest) }
    const before = engine.lastLsn
    try {
      this.#writeSome(work)
      if (this.#random.chance(12)) return work.transaction.rollback()
      this.#commit(work)
    } finally {
      // Also when the commit threw: what was appended before it did may survive.
      if (engine.lastLsn > before) this.history.record(engine.lastLsn, work.stores)
    }
  }

  /** A commit is refused if and only if it would give a unique index a value twice; while the index is built, it may be too late for that. */
  #commit({ stores, transaction }: Work): void {
    const indexes = this.machine.engine.store("orders")!.indexes
    const documents = [...stores.get("orders")!.entries.values()].map(({ document }) => document)
    const violated = indexes.filter(({ definition }) => isViolated(definition, documents))
    try {
      transaction.commit()
    } catch (error) {
      if (!isFault<{ _tag: string; index: string }>(error, "UniqueViolation")) throw error
      assert.include(
        violated.map(({ definition }) => definition.name),
        error.reason.index
      )
      this.refused++
      return
    }
    const ready = violated.filter((it) => (it.readyLsn ?? 0) > 0).map(({ definition }) => definition.name)
    assert.deepStrictEqual(ready, [], "a unique index has a value twice")
  }

  #writeSome(work: Work): void {
    const random = this.#random
    for (let count = random.below(6); count >= 0; count--) {
      if (random.chance(15)) {
        const { transaction } = work
        const savepoint = transaction.savepoint()
        const stores = copyOf(work.stores)
        this.#write(work)
        this.#write(work)
        transaction.rollbackTo(savepoint)
        work.stores = stores
      }
      this.#write(work)
    }
  }

  #write(work: Work): void {
    const random = this.#random
    const state = work.stores.get(random.chance(80) ? "orders" : "customers")!
    const store = this.machine.engine.store(state.definition.name)!
    const entry = entryOf(state.definition, state.definition.name === "orders" ? this.#order() : this.#customer())
    if (random.chance(30)) remove(work.transaction, store, state.entries, entry)
    else put(work.transaction, store, state.entries, entry)
  }

  #order(): DocumentValue {
    const random = this.#random
    const key = new Key(orderKey(random.below(ORDER_NUMBERS)))
    const tags = Array.from({ length: random.below(3) }, () => `tag ${random.below(15)}`)
    const order = {
      _id: key,
      status: random.pick(["open", "paid", "sent", ""]),
      total: random.below(20) - 10,
      ...(random.chance(50) ? { tags } : {})
    }
    if (!random.chance(30)) return order
    const noteLength = random.chance(6) ? 20_000 : random.below(1500)
    return { ...order, note: String.fromCharCode(97 + random.below(26)).repeat(noteLength) }
  }

  #customer(): DocumentValue {
    const random = this.#random
    return { _id: random.pick(NAMES), name: `name ${random.below(1000)}` }
  }
}

function put(transaction: Transaction, store: Store, entries: Map<string, Entry>, entry: Entry): void {
  transaction.put(store, entry.key, entry.bytes, 0)
  entries.set(hexOf(entry.key), entry)
}

function remove(transaction: Transaction, store: Store, entries: Map<string, Entry>, entry: Entry): void {
  transaction.delete(store, entry.key)
  entries.delete(hexOf(entry.key))
}

function copyOf(state: State): Work["stores"] {
  return new Map([...state].map(([name, { definition, entries }]) => [name, { definition, entries: new Map(entries) }]))
}

/** Whether `error` is a refusal that a caller of the engine has to live with while its disk is failing. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof Stuck) return true
  const tags = ["ReadOnly", "Poisoned", "Backpressure", "DiskFailure", "Closed"]
  return isFault(error) && tags.includes(error.reason._tag)
}
