/** Runs host operations one after another, as one handler would, on a small database: what the golden file of operations is made and checked with. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { writeJson } from "../../src/Bson/Json.ts"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import * as Type from "../../src/Bson/Type.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { Disk } from "../../src/Disk/Disk.ts"
import { Executor } from "../../src/Query/Executor.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import { compileTemplates, prepare } from "../../src/Template/Template.ts"
import { Answers } from "../../src/Wasm/Answers.ts"
import { ConfigValues } from "../../src/Wasm/ConfigValues.ts"
import { failureOf, writeFailure } from "../../src/Wasm/ErrorDocument.ts"
import { Operations } from "../../src/Wasm/Operations.ts"
import { manifest } from "./Guests.ts"

const orders: StoreDefinition = {
  name: "orders",
  idKind: "string",
  schema: {
    customer: { type: "string" },
    total: { type: "decimal" },
    quantity: { type: "int", min: 0 },
    placedAt: { type: "date", optional: true }
  },
  indexes: [{ name: "byCustomer", on: [{ path: "customer", direction: "asc" }] }]
}

const { set } = compileTemplates(
  [
    {
      path: "orders.zsx",
      source: "{param title: string}\n{param orders: Doc<orders>[]}\n<h1>{title}</h1>{for order in orders}<p>{order._id}</p>{/for}"
    }
  ],
  [orders]
)

/** Runs operations in order, in one transaction; gives each one's reply. */
export const runOperations = Effect.fnUntraced(function* (
  cases: ReadonlyArray<{ readonly op: number; readonly argument: Uint8Array }>,
  replyBytesMax?: number
) {
  const storage = yield* Storage
  yield* storage.defineStores([orders])
  const transaction = storage.engine.transact()
  const answers = new Answers({ answerBytesMax: 1 << 20, answersMax: 64 })
  const operations = new Operations({
    executor: new Executor({ store: (name) => (name === "orders" ? storage.engine.store(name) : undefined) }),
    renderer: prepare(set ?? { version: 1, templates: [] }),
    config: ConfigValues.read(
      manifest({
        config: {
          currency: { type: "string", default: "EUR" },
          taxRate: { type: "number", default: 0.19 },
          region: { type: "string", optional: true }
        }
      }),
      {}
    ),
    mountPath: "/shop",
    answers
  })
  operations.begin(transaction, transaction)
  const replies = cases.map(({ op, argument }) => {
    const reply = new Writer(undefined, replyBytesMax)
    try {
      operations.run(op, argument, 0, reply)
    } catch (error) {
      const refused = new Writer()
      writeFailure(refused, failureOf(error))
      return refused.toBytes()
    }
    return reply.toBytes()
  })
  operations.end()
  transaction.rollback()
  return replies
})

/** An empty database in memory. */
export const memoryStorage = Storage.layer({ directory: "/db" }).pipe(Layer.provide(Disk.layerMemory()))

/** A document as plain JSON, for people. */
export function plain(document: Uint8Array): unknown {
  const sink = new ByteSink()
  writeJson(sink, document, Type.DOCUMENT, 0)
  return JSON.parse(sink.toText()) as unknown
}
