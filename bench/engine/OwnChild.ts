/**
 * Planck alone, in a process of its own: `node OwnChild.ts indexed <directory> <0 or 1 indexes> <documents>` writes documents and writes them
 * over; `fill <directory> <value bytes> <documents>` writes and then waits to be killed; `open <directory>` opens what that left. Each says what
 * it saw in a line of JSON.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Binary, encode, Int32, Key } from "../../src/Bson/Value.ts"
import { Disk } from "../../src/Disk/Disk.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import { keyOf, Numbers, Values } from "./Entries.ts"

/** Where key, number and value stand in the BSON of `{ _id, number, value }`. */
const KEY_AT = 4 + 1 + 4 + 4 + 1
const NUMBER_AT = KEY_AT + 16 + 1 + 7
const VALUE_AT = NUMBER_AT + 4 + 1 + 6 + 4 + 1
const BATCH = 1000
/** Different values of the indexed field. */
const FIELD_VALUES = 1_000_000
/** Of upkeep between two turns, in units of about 100 ns. */
const SLICE_BUDGET = 10_000

const [task = "", directory = "", first = "0", second = "0"] = process.argv.slice(2)
const start = performance.now()
const scope = Scope.makeUnsafe()
const layer = Storage.layer({ directory }).pipe(Layer.provide(Disk.layer))
const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
const storage = await Effect.runPromise(Effect.provide(Effect.service(Storage), context))
const { engine } = storage
const openedMs = performance.now() - start
const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

interface Writing {
  readonly count: number
  readonly valueBytes: number
  readonly indexes: number
  /** The number of the document that is written as the n-th. */
  readonly of: (n: number) => number
}

/** Writes documents in batches; microseconds for each, and of the processors. */
async function write({ count, indexes, of, valueBytes }: Writing, isSettled: boolean): Promise<{ micros: number; cpuMicros: number }> {
  const byNumber = { name: "byNumber", on: [{ path: "number", direction: "asc" }] } as const
  const schema = { number: { type: "int" }, value: { type: "binary" } } as const
  await Effect.runPromise(storage.defineStores([{ name: "entries", idKind: "key", schema, indexes: indexes > 0 ? [byNumber] : [] }]))
  const entries = engine.store("entries")!
  const values = new Values(valueBytes)
  const numbers = new Numbers(3)
  const key = Buffer.alloc(16)
  // One document, changed in place: what a client does to make it is not to be measured.
  const document = encode({ _id: new Key(key), number: new Int32(0), value: new Binary(values.of(0)) })
  const view = new DataView(document.buffer, document.byteOffset, document.length)
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  for (let at = 0; at < count; at += BATCH) {
    if (engine.admission() !== "open") await Effect.runPromise(storage.admitWrite)
    const transaction = engine.transact()
    for (let n = at; n < at + BATCH; n++) {
      keyOf(of(n), "random", key)
      document.set(key, KEY_AT)
      view.setInt32(NUMBER_AT, numbers.below(FIELD_VALUES), true)
      document.set(values.of(n), VALUE_AT)
      transaction.put(entries, key, document, 0)
    }
    transaction.commit()
    await turn()
  }
  if (isSettled) {
    await Effect.runPromise(storage.flush)
    while (engine.maintain(SLICE_BUDGET) !== "idle") await turn()
  }
  const { user, system } = process.cpuUsage(cpu)
  return { micros: ((performance.now() - began) * 1000) / count, cpuMicros: (user + system) / count }
}

const say = (what: unknown): void => console.log(JSON.stringify(what))
if (task === "open") say({ openedMs })
else if (task === "fill") {
  await write({ count: Number(second), valueBytes: Number(first), indexes: 0, of: (n) => n }, false)
  say({ filled: true })
  await new Promise((never) => setTimeout(never, 60_000))
} else {
  const count = Number(second)
  const numbers = new Numbers(9)
  const common = { count, valueBytes: 200, indexes: Number(first) }
  // The first ones measure the compilers.
  await write({ ...common, of: (n) => n }, true)
  const inserts = await write({ ...common, of: (n) => count + n }, true)
  const updates = await write({ ...common, of: () => numbers.below(2 * count) }, true)
  say({ inserts, updates })
}
process.exit(0)
