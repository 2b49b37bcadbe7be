/** Statements of guests are anything: each is answered or refused with a typed fault, and refused ones change nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Decimal128, encode, type Value } from "../../src/Bson/Value.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { toQueryError } from "../../src/Query/Errors.ts"
import { decodeStatement, encodeStatement } from "../../src/Query/StatementBson.ts"
import type { StatementKind } from "../../src/Query/StatementMembers.ts"
import { DocumentView } from "../../src/Storage/Reader.ts"
import { Random } from "../Storage/Random.ts"
import { keyNumber } from "./Model.ts"
import { Shop } from "./Shop.ts"

const KINDS: ReadonlyArray<StatementKind> = ["find", "aggregate", "get", "count", "insert", "update", "replace", "upsert", "delete"]
const MEMBERS = [
  "filter",
  "orderBy",
  "limit",
  "skip",
  "select",
  "omit",
  "compute",
  "key",
  "set",
  "inc",
  "unset",
  "push",
  "addToSet",
  "pull",
  "groupBy",
  "aggregates",
  "having",
  "distinct",
  "inputOrder",
  "document",
  "documents",
  "other"
]
const NAMES = [
  "_id",
  "customer",
  "total",
  "count",
  "lines.sku",
  "note",
  "address",
  "a.b",
  "x",
  "$gt",
  "$in",
  "$or",
  "$and",
  "$not",
  "$between",
  "$prefix",
  "$exists",
  "$eq",
  "$any",
  "$every",
  "$this",
  "$regex",
  "$type",
  "$size",
  "$add",
  "$divide",
  "$value",
  "$test",
  "$contains",
  "$each",
  "$sum",
  "$count",
  "$nor",
  "",
  "a..b",
  "$"
]

function randomValue(random: Random, depth: number): Value {
  switch (random.below(depth > 0 ? 11 : 8)) {
    case 0:
      return random.below(5) - 1
    case 1:
      return random.pick(["paid", "", "asc", "customer", "desc", "x"])
    case 2:
      return random.pick<Value>([null, true, false, 1.5, -0, 5n])
    case 3:
      return Decimal128.fromString("1.50")
    case 4:
      return keyNumber(random.below(30))
    case 5:
      return new Date(random.below(5))
    case 6:
      return random.pick(NAMES)
    case 7:
      return random.pick<Value>([2 ** 31, Number.NaN, new Uint8Array(3), 2 ** 53])
    case 8:
      return Array.from({ length: random.below(4) }, () => randomValue(random, depth - 1))
    default:
      return randomDocument(random, depth - 1)
  }
}

function randomDocument(random: Random, depth: number): Record<string, Value> {
  return Object.fromEntries(Array.from({ length: random.below(4) }, () => [random.pick(NAMES), randomValue(random, depth)]))
}

/** A member as it should be about half of the time. */
function randomMember(random: Random, member: string): Value {
  if (random.chance(45)) return randomValue(random, 4)
  switch (member) {
    case "aggregates":
      return Object.fromEntries(
        Array.from({ length: random.below(3) }, () => [
          random.pick(["n", "total", "x"]),
          { [random.pick(["$sum", "$count", "$push", "$min"])]: random.pick<Value>([true, "total", "lines.sku"]) }
        ])
      )
    case "distinct":
      return random.pick(NAMES)
    case "groupBy":
      return Array.from({ length: random.below(3) }, () => random.pick(NAMES))
    case "inputOrder":
    case "orderBy":
      return Array.from({ length: random.below(3) }, () => [random.pick(NAMES), random.pick(["asc", "desc"])])
    case "limit":
    case "skip":
      return random.below(10)
    case "select":
    case "unset":
      return Array.from({ length: random.below(3) }, () => random.pick(NAMES))
    case "key":
      return keyNumber(random.below(30))
    case "documents":
      return [randomDocument(random, 2)]
    default:
      return randomDocument(random, 4)
  }
}

function randomStatement(random: Random): Record<string, Value> {
  const statement: Record<string, Value> = random.chance(95) ? { store: random.chance(95) ? "orders" : "nothing" } : {}
  for (let count = random.below(4); count > 0; count--) {
    const member = random.pick(MEMBERS)
    statement[member] = randomMember(random, member)
  }
  return statement
}

describe("random statements", () => {
  for (let seed = 1; seed <= 4; seed++) {
    it(`are answered or refused, never more than that (seed ${seed})`, () => {
      const random = new Random(seed)
      const shop = new Shop({}, 30)
      const transaction = shop.database.engine.transact()
      const { executor, rows } = shop
      const view = new DocumentView()
      const count = (): unknown => shop.readIn(transaction, { kind: "count", store: "orders" })
      let answered = 0
      for (let round = 0; round < 4000; round++) {
        const kind = random.pick(KINDS)
        const bytes = encode(randomStatement(random))
        const savepoint = transaction.savepoint()
        const before = transaction.writes
        try {
          if (kind === "find" || kind === "aggregate") executor[kind](transaction, bytes, 0, rows)
          else if (kind === "count") executor.count(transaction, bytes, 0)
          else if (kind === "get") executor.get(transaction, bytes, 0, view)
          else if (kind === "insert" || kind === "upsert") executor[kind](transaction, bytes, 0, rows)
          else executor[kind](transaction, bytes, 0)
          answered++
          assert.deepStrictEqual(
            decodeStatement(kind, encodeStatement(decodeStatement(kind, bytes, 0)), 0),
            decodeStatement(kind, bytes, 0)
          )
        } catch (error) {
          if (!(error instanceof Fault) || toQueryError(error) === undefined) throw error
        }
        if (transaction.writes !== before) transaction.rollbackTo(savepoint)
        if (round % 500 === 0) assert.strictEqual(count(), 30)
      }
      assert.isAbove(answered, 200)
      assert.strictEqual(count(), 30)
      transaction.rollback()
    })
  }
})
