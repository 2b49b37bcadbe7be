/** Random documents of a store with every kind of field, and random queries about them. Values are few, so that many are equal. */
import { Decimal128, type Value } from "../../src/Bson/Value.ts"
import type { Expression, Filter, Find, Order, Shown } from "../../src/Query/Ast.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import type { Random } from "../Storage/Random.ts"
import { type Document, keyNumber } from "./Model.ts"

const LONG_TEXT = "x".repeat(1100)

const TEXTS = ["", "a", "ab", "abc", "b", "é", "a\u0000b", "a\u0001", "B", `${LONG_TEXT}1`, `${LONG_TEXT}2`, LONG_TEXT]
const NUMBERS = [0, -0, 1, 2, 2.5, -1, 1e300, -1e300, 9007199254740991, 0.1]
const LONGS = [0n, 1n, 2n, -1n, 9007199254740993n, 9007199254740992n, -(2n ** 63n)]
const DECIMALS = ["0", "1", "1.00", "2.5", "-1", "9007199254740993", "1E+3", "0.1"].map((text) => Decimal128.fromString(text))
const DATES = [0, 1, 86_400_000, -1].map((ms) => new Date(ms))
const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

const asc = (path: string) => ({ path, direction: "asc" as const })
const desc = (path: string) => ({ path, direction: "desc" as const })

const SCHEMA: StoreDefinition["schema"] = {
  n: { type: "number", optional: true, nullable: true },
  s: { type: "string", optional: true, nullable: true },
  d: { type: "decimal", optional: true },
  l: { type: "long", optional: true },
  u: {
    type: "union",
    members: [{ type: "boolean" }, { type: "int" }, { type: "date" }, { type: "string" }],
    optional: true,
    nullable: true
  },
  x: { type: "any", optional: true },
  tags: { type: "array", items: { type: "string" }, optional: true },
  inner: { type: "struct", fields: { a: { type: "int", optional: true }, b: { type: "string", optional: true } }, optional: true },
  lines: {
    type: "array",
    items: { type: "struct", fields: { q: { type: "int", optional: true }, k: { type: "string", optional: true } } },
    optional: true
  },
  map: { type: "record", values: { type: "int" }, optional: true }
}

export const PLAIN: StoreDefinition = { name: "plain", idKind: "key", schema: SCHEMA, indexes: [] }

const PLAIN_INDEXES: StoreDefinition["indexes"] = [
  [asc("s")],
  [desc("s"), asc("n")],
  [asc("n"), asc("s")],
  [asc("s"), desc("n")],
  [asc("u")],
  [desc("u"), asc("s")],
  [asc("inner.a"), desc("n")],
  [asc("inner"), asc("d")],
  [asc("d")],
  [desc("l"), asc("d")],
  [asc("inner.b"), desc("u"), asc("n")],
  [asc("tags")],
  [desc("tags"), desc("n")],
  [asc("n"), asc("tags")],
  [asc("s"), desc("lines.q"), asc("d")],
  [asc("lines.k"), asc("s")],
  [asc("lines.0.k")],
  [desc("x")],
  [asc("x.y"), asc("n")],
  [asc("map.a")]
].map((on, index) => ({ name: `index${index}`, on }))

/** Indexes that do not have every document. */
const SELECTIVE_INDEXES: StoreDefinition["indexes"] = [
  { name: "sparse0", on: [asc("n")], sparse: true },
  { name: "sparse1", on: [desc("inner.b"), asc("s")], sparse: true },
  { name: "sparse2", on: [asc("tags")], sparse: true },
  { name: "partial0", on: [asc("n")], where: { op: "eq", path: "s", value: "a" } },
  { name: "partial1", on: [asc("s")], where: { op: "ge", path: "n", value: 1 } },
  { name: "partial2", on: [asc("tags"), asc("n")], where: { op: "ne", path: "s", value: null } },
  { name: "partial3", on: [desc("d")], where: { op: "in", path: "tags", values: ["a", "b", ""] } },
  { name: "partial4", on: [asc("u")], where: { op: "exists", path: "inner.a", value: true } },
  { name: "partial5", on: [asc("l")], where: { op: "between", path: "x", low: 0, high: 2 } },
  { name: "partial6", on: [asc("s")], where: { op: "prefix", path: "s", value: "a" }, sparse: true },
  {
    name: "partial7",
    on: [asc("inner.a")],
    where: {
      op: "or",
      of: [
        { op: "lt", path: "n", value: 2 },
        { op: "eq", path: "lines.q", value: 1 }
      ]
    }
  },
  { name: "partial8", on: [asc("n"), asc("d")], where: { op: "notIn", path: "tags", values: ["a", "ab"] } },
  { name: "partial9", on: [asc("s")], where: { op: "not", of: { op: "eq", path: "n", value: 0 } } }
]

export const INDEXED: StoreDefinition = {
  name: "indexed",
  idKind: "key",
  schema: SCHEMA,
  indexes: [...PLAIN_INDEXES, ...SELECTIVE_INDEXES]
}

const PATHS = [
  "n",
  "s",
  "d",
  "l",
  "u",
  "x",
  "tags",
  "inner",
  "inner.a",
  "inner.b",
  "lines.q",
  "lines.0.k",
  "map.a",
  "nothing",
  "_id",
  "x.y"
]

export function randomDocument(random: Random, number: number): Document {
  const document: Record<string, Value> = { _id: keyNumber(number) }
  const maybe = (name: string, make: () => Value): void => {
    if (random.chance(75)) document[name] = make()
  }
  maybe("n", () => (random.chance(10) ? null : random.pick(NUMBERS)))
  maybe("s", () => (random.chance(10) ? null : random.pick(TEXTS)))
  maybe("d", () => random.pick(DECIMALS))
  maybe("l", () => random.pick(LONGS))
  maybe("u", () => (random.chance(10) ? null : random.pick<Value>([true, false, 1, 2, new Date(0), new Date(1), "a", "b"])))
  maybe("x", () => randomValue(random, 2))
  maybe("tags", () => Array.from({ length: random.below(4) }, () => random.pick(TEXTS)))
  maybe("inner", () => ({ ...(random.chance(70) ? { a: random.below(4) } : {}), ...(random.chance(70) ? { b: random.pick(TEXTS) } : {}) }))
  maybe("lines", () =>
    Array.from({ length: random.below(3) }, () => ({ ...(random.chance(70) ? { q: random.below(4) } : {}), k: random.pick(TEXTS) }))
  )
  maybe("map", () => (random.chance(70) ? { a: random.below(3) } : { b: 1 }))
  return document
}

function randomValue(random: Random, depth: number): Value {
  switch (random.below(depth === 0 ? 8 : 11)) {
    case 0:
      return random.pick(TEXTS)
    case 1:
    case 2:
      return random.pick(NUMBERS)
    case 3:
      return random.pick(LONGS)
    case 4:
      return random.pick(DECIMALS)
    case 5:
      return random.pick<Value>([true, false, null])
    case 6:
      return random.pick(DATES)
    case 7:
      return random.pick(SPECIAL)
    case 8:
      return Array.from({ length: random.below(4) }, () => randomValue(random, depth - 1))
    case 9:
      return { y: randomValue(random, depth - 1) }
    default:
      return { a: random.below(4), b: random.pick(TEXTS) }
  }
}

function operandFor(random: Random, path: string): Value {
  if (path === "_id") return random.chance(90) ? keyNumber(random.below(160)) : randomValue(random, 1)
  return randomValue(random, 2)
}

const TYPES = ["string", "number", "int", "double", "array", "document", "null", "date", "long", "decimal", "boolean", "key", "uuid"]
const PATTERNS = ["^a", "b$", "a.*c", "x+", "É", "^$", "[ab]c?$"]

/** A condition of the kinds that no index serves. */
function randomTextOrArray(random: Random, path: string): Filter {
  switch (random.below(7)) {
    case 0:
      return { op: "suffix", path, value: random.pick(TEXTS) }
    case 1:
      return { op: "contains", path, value: random.chance(70) ? random.pick(TEXTS) : randomValue(random, 1) }
    case 2:
      return { op: "regex", path, pattern: random.pick(PATTERNS), flags: random.pick(["", "i", "s", "im"]) }
    case 3:
      return { op: "type", path, type: random.pick(TYPES) }
    case 4:
      return { op: "size", path, size: random.below(4) }
    default:
      return { op: random.pick(["any", "all"] as const), path, of: randomElementFilter(random, 1) }
  }
}

function randomElementFilter(random: Random, depth: number): Filter {
  if (depth > 0 && random.chance(40)) {
    if (random.chance(30)) return { op: "not", of: randomElementFilter(random, depth - 1) }
    return {
      op: random.pick(["and", "or"] as const),
      of: [randomElementFilter(random, depth - 1), randomElementFilter(random, depth - 1)]
    }
  }
  const path = random.pick(["", "", "q", "k", "y", "a"])
  return random.chance(25) ? randomTextOrArray(random, path) : randomLeaf(random, path)
}

function randomLeaf(random: Random, path = random.pick(PATHS)): Filter {
  if (random.chance(20)) return randomTextOrArray(random, path)
  switch (random.below(9)) {
    case 0:
      return { op: random.pick(["ne", "lt", "le", "gt", "ge"] as const), path, value: operandFor(random, path) }
    case 1:
    case 2:
      return { op: random.pick(["lt", "le", "gt", "ge"] as const), path, value: operandFor(random, path) }
    case 3:
      return {
        op: random.pick(["in", "in", "notIn"] as const),
        path,
        values: Array.from({ length: random.below(5) }, () => operandFor(random, path))
      }
    case 4:
      return { op: "between", path, low: operandFor(random, path), high: operandFor(random, path) }
    case 5:
      return { op: "prefix", path, value: random.pick(TEXTS) }
    case 6:
      return { op: "exists", path, value: random.chance(50) }
    default:
      return { op: "eq", path, value: operandFor(random, path) }
  }
}

export function randomFilter(random: Random, depth: number): Filter {
  if (depth === 0 || random.chance(45)) return randomLeaf(random)
  if (random.chance(15)) return { op: "not", of: randomFilter(random, depth - 1) }
  const op = random.chance(75) ? "and" : "or"
  return { op, of: Array.from({ length: 2 + random.below(2) }, () => randomFilter(random, depth - 1)) }
}

/** Conditions under which one of the selective indexes has every document that is asked for. */
const HINTS: ReadonlyArray<Filter> = [
  { op: "eq", path: "s", value: "a" },
  { op: "eq", path: "n", value: 2 },
  { op: "gt", path: "n", value: 1 },
  { op: "lt", path: "n", value: 0 },
  { op: "in", path: "n", values: [1, 2.5] },
  { op: "prefix", path: "s", value: "ab" },
  { op: "eq", path: "tags", value: "a" },
  { op: "in", path: "tags", values: ["", "b"] },
  { op: "between", path: "x", low: 0, high: 1 },
  { op: "eq", path: "lines.q", value: 1 },
  { op: "ge", path: "inner.a", value: 0 },
  { op: "notIn", path: "tags", values: ["a", "ab", "b"] },
  { op: "eq", path: "inner.b", value: "b" },
  { op: "exists", path: "inner.a", value: true }
]

function randomFindFilter(random: Random): Filter {
  const filter = randomFilter(random, 2)
  if (random.chance(60)) return filter
  return random.chance(70) ? { op: "and", of: [random.pick(HINTS), filter] } : random.pick(HINTS)
}

export function randomFind(random: Random): Omit<Find, "kind" | "store"> {
  const orderBy: Array<Order> = []
  for (let level = random.below(4); level > 0; level--) {
    const path = random.pick(PATHS)
    if (!orderBy.some((order) => order.path === path)) orderBy.push({ path, direction: random.chance(50) ? "asc" : "desc" })
  }
  return {
    ...(random.chance(85) ? { filter: randomFindFilter(random) } : {}),
    ...(orderBy.length === 0 ? {} : { orderBy }),
    ...(random.chance(50) ? { limit: random.below(8) } : {}),
    ...(random.chance(30) ? { skip: random.below(6) } : {})
  }
}

/** What is shown of rows: paths, paths left out, computed values. */
export function randomShown(random: Random): Shown {
  const compute = { compute: { "the value": randomExpression(random, 3), b: randomExpression(random, 1) } }
  switch (random.below(4)) {
    case 0:
      return { select: ["in", "a.0.b"], ...(random.chance(50) ? compute : {}) }
    case 1:
      return { omit: ["in", "a.b"], ...(random.chance(50) ? compute : {}) }
    case 2:
      return { select: [], ...compute }
    default:
      return compute
  }
}

/** An expression with at most so many levels. */
export function randomExpression(random: Random, depth: number): Expression {
  if (depth > 0 && random.chance(70)) {
    const op = random.pick(["add", "subtract", "multiply", "divide"] as const)
    return { op, left: randomExpression(random, depth - 1), right: randomExpression(random, depth - 1) }
  }
  if (depth === 3 && random.chance(50)) return { op: "test", filter: randomFilter(random, 2) }
  if (random.chance(40))
    return {
      op: "value",
      value: random.pick<Value>([1, -1, 2.5, -0.5, 5n, Decimal128.fromString("-1.50"), "x", null, true, [1], new Date(5)])
    }
  return { op: "path", path: random.pick(["a", "in", "true", "date", "key", "a.0.b", "the path"]) }
}
