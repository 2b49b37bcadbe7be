import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { validate } from "../../src/Bson/Validate.ts"
import { Decimal128, encode } from "../../src/Bson/Value.ts"
import { Operation } from "../../src/Wasm/Abi.ts"
import { memoryStorage, plain, runOperations } from "./GoldenOperations.ts"

interface GoldenCase {
  readonly name: string
  readonly op: number
  /** What the bytes say, for people. */
  readonly argument: unknown
  readonly reply: unknown
  readonly argumentBson: string
  readonly replyBson: string
}

const golden = JSON.parse(readFileSync(new URL("./Fixtures/operations.json", import.meta.url), "utf8")) as ReadonlyArray<GoldenCase>
/** Whole numbers below a bound, the same ones for the same seed. */
const randomNumbers = (seed: number): ((below: number) => number) => {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const isDocument = (argument: Uint8Array): boolean => {
  try {
    return validate(argument, 0, argument.length) === argument.length
  } catch {
    return false
  }
}

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"))

describe("host operations", () => {
  it.effect("take and give the bytes they always did", () =>
    Effect.gen(function* () {
      const replies = yield* runOperations(golden.map(({ op, argumentBson }) => ({ op, argument: bytes(argumentBson) })))
      for (const [index, { name, argument, reply, replyBson }] of golden.entries()) {
        const found = replies[index] ?? new Uint8Array(0)
        const what = `${name} ${JSON.stringify(argument)}`
        assert.deepStrictEqual(plain(found), reply, what)
        assert.strictEqual(Buffer.from(found).toString("hex"), replyBson, what)
      }
    }).pipe(Effect.provide(memoryStorage))
  )

  it.effect("undo their writes when the reply does not fit", () =>
    Effect.gen(function* () {
      const documents = Array.from({ length: 20 }, (_, index) => ({
        _id: `order ${index}`,
        customer: "x",
        total: Decimal128.fromString("1"),
        quantity: 1
      }))
      const [inserted, counted] = yield* runOperations(
        [
          { op: Operation.insertMany, argument: encode({ store: "orders", documents }) },
          { op: Operation.count, argument: encode({ statement: { store: "orders" } }) }
        ],
        128
      )
      assert.deepInclude(plain(inserted ?? new Uint8Array(0)), { code: "reply_too_large", limitBytes: 128 })
      assert.deepStrictEqual(plain(counted ?? new Uint8Array(0)), { count: 0 })
    }).pipe(Effect.provide(memoryStorage))
  )

  it.effect("answer damaged arguments with an error of the guest's, never of the host's", () =>
    Effect.gen(function* () {
      const random = randomNumbers(20_260)
      const damaged = Array.from({ length: 4000 }, () => {
        const { op, argumentBson } = golden[random(golden.length)] ?? { op: 1, argumentBson: "0500000000" }
        const argument = bytes(argumentBson)
        for (let changes = 1 + random(3); changes > 0; changes--) argument[random(argument.length)] = random(256)
        return { op, argument }
      }).filter(({ argument }) => isDocument(argument))
      assert.isAbove(damaged.length, 400)
      const replies = yield* runOperations(damaged)
      for (const [index, reply] of replies.entries()) {
        const { code } = plain(reply) as { readonly code?: string }
        assert.notStrictEqual(code, "internal", Buffer.from(damaged[index]?.argument ?? []).toString("hex"))
      }
    }).pipe(Effect.provide(memoryStorage))
  )

  it("are all in the golden file, under their numbers", () => {
    assert.deepStrictEqual(Object.fromEntries(golden.map(({ name, op }) => [name, op])), Operation)
    for (const { argument, argumentBson } of golden) assert.deepStrictEqual(plain(bytes(argumentBson)), argument)
  })
})
