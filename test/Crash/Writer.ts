/** Run as `node Writer.ts <directory> <first number>`: writes entries until it is killed, and prints the number of each once it is durable. */
import * as Effect from "effect/Effect"
import { Storage } from "../../src/Storage/Storage.ts"
import { LEDGER, ledgerLayer, putEntry } from "./Ledger.ts"

const CLIENTS = 16

const [directory, first] = process.argv.slice(2)
let next = Number(first)

const client = Effect.fnUntraced(function* () {
  const storage = yield* Storage
  for (;;) {
    yield* storage.admitWrite
    const number = next++
    const transaction = storage.engine.transact()
    putEntry(transaction, storage.engine.store(LEDGER.name)!, number)
    yield* storage.awaitDurable(transaction.commit())
    process.stdout.write(`${number}\n`)
  }
})

const program = Effect.gen(function* () {
  const storage = yield* Storage
  yield* storage.defineStores([LEDGER])
  yield* Effect.all(Array.from({ length: CLIENTS }, client), { concurrency: "unbounded" })
}).pipe(Effect.provide(ledgerLayer(directory!)))

await Effect.runPromise(program)
