import { assert, describe, it } from "@effect/vitest"
import { compareValues } from "../../src/Bson/Compare.ts"
import * as Type from "../../src/Bson/Type.ts"
import { Decimal128, Double, encodeValue, type EncodedValue, Key, MaxKey, MinKey, UUID, type Value } from "../../src/Bson/Value.ts"
import { forSeeds, Generator } from "./Generate.ts"
import { modelOrder } from "./Order.ts"

const compare = (a: EncodedValue, b: EncodedValue): number => Math.sign(compareValues(a.bytes, a.type, a.at, b.bytes, b.type, b.at))
const order = (a: Value, b: Value): number => compare(encodeValue(a), encodeValue(b))
const decimal = (text: string): Decimal128 => Decimal128.fromString(text)

describe("compareValues", () => {
  it("puts the classes into MongoDB's order", () => {
    const ascending: ReadonlyArray<Value> = [
      new MinKey(),
      null,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      -1,
      0,
      decimal("0.5"),
      1n,
      Number.POSITIVE_INFINITY,
      "",
      "a",
      {},
      { a: 1 },
      [],
      [1],
      new UUID("00000000-0000-4000-8000-000000000000"),
      new Key(new Uint8Array(16)),
      false,
      true,
      new Date(-1),
      new Date(0),
      new MaxKey()
    ]
    ascending.forEach((low, index) => {
      assert.strictEqual(order(low, low), 0)
      for (const high of ascending.slice(index + 1)) {
        assert.strictEqual(order(low, high), -1, `${String(low)} < ${String(high)}`)
        assert.strictEqual(order(high, low), 1)
      }
    })
  })

  it("takes missing for null", () => {
    const none = new Uint8Array(0)
    const nothing = encodeValue(null)
    assert.strictEqual(compareValues(none, Type.MISSING, 0, nothing.bytes, nothing.type, nothing.at), 0)
    assert.isBelow(compareValues(none, Type.MISSING, 0, encodeValue(0).bytes, Type.INT32, 6), 0)
  })

  it("compares numbers by exact value across encodings", () => {
    assert.strictEqual(order(5, new Double(5)), 0)
    assert.strictEqual(order(5n, decimal("5.00")), 0)
    assert.strictEqual(order(-0, 0), 0)
    assert.strictEqual(order(decimal("-0"), 0n), 0)
    assert.strictEqual(order(Number.NaN, decimal("NaN")), 0)
    assert.strictEqual(order(2n ** 53n + 1n, 2 ** 53), 1)
    assert.strictEqual(order(2n ** 63n - 1n, 2 ** 63), -1)
    assert.strictEqual(order(-(2n ** 63n), -(2 ** 63)), 0)
    assert.strictEqual(order(0.1, decimal("0.1")), 1)
    assert.strictEqual(order(0.5, decimal("0.50")), 0)
    assert.strictEqual(order(decimal("9007199254740993"), 2n ** 53n + 1n), 0)
    assert.strictEqual(order(decimal("1E+6111"), Number.MAX_VALUE), 1)
    assert.strictEqual(order(decimal("1E-6176"), Number.MIN_VALUE), -1)
  })

  it("reads non-canonical decimals as zero", () => {
    const wide = encodeValue(decimal("1"))
    wide.bytes.fill(0xff, wide.at, wide.at + 14)
    wide.bytes[wide.at + 14] = 0xff
    wide.bytes[wide.at + 15] = 0x6b
    assert.strictEqual(compare(wide, encodeValue(0)), 0)
  })

  it("compares documents by class, name, value and length, in stored order", () => {
    assert.strictEqual(order({ a: 1, b: 2 }, { b: 2, a: 1 }), -1)
    assert.strictEqual(order({ b: 1 }, { a: "x" }), -1)
    assert.strictEqual(order({ a: 1 }, { a: 1, b: null }), -1)
    assert.strictEqual(order([1, 2], [1, 2, null]), -1)
    assert.strictEqual(order([2], [1, 9]), 1)
  })

  it("agrees with the order written over JavaScript values", () => {
    forSeeds(20_000, (generator) => {
      const a = generator.value()
      const b = generator.below(4) === 0 ? a : generator.value()
      assert.strictEqual(order(a, b), modelOrder(a, b))
    })
  })

  it("agrees on numbers of every encoding", () => {
    forSeeds(40_000, (generator) => {
      const [a, b] = [generator.number(), generator.number()]
      assert.strictEqual(order(a, b), modelOrder(a, b), `${String(a)} ? ${String(b)}`)
    })
  })

  it("is antisymmetric and transitive", () => {
    const generator = new Generator(7)
    const values = Array.from({ length: 120 }, () => encodeValue(generator.below(2) === 0 ? generator.number() : generator.value(2)))
    for (const a of values) {
      for (const b of values) {
        const forward = compare(a, b)
        assert.strictEqual(forward + compare(b, a), 0)
        if (forward > 0) continue
        for (const c of values) if (compare(b, c) <= 0) assert.isAtMost(compare(a, c), 0)
      }
    }
  })
})
