/** Computed values, and what of a document is shown. */
import { assert, describe, it } from "@effect/vitest"
import { aggregate } from "mingo"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { decodeValue, Decimal128, encodeValue, type Value } from "../../src/Bson/Value.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { Amount, calculate } from "../../src/Query/Arithmetic.ts"
import { type Calculation, CALCULATIONS } from "../../src/Query/Ast.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import { printPql } from "../../src/Query/Print.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { writeRowsJson } from "../../src/Query/Rows.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { openDatabase } from "../Storage/Database.ts"
import { Random } from "../Storage/Random.ts"

type Document = { readonly [name: string]: Value }

const decimal = (text: string): Decimal128 => Decimal128.fromString(text)

/** What a calculation gives, with its type: `int 5`, `decimal 1.50`, `null`. */
function result(left: Value, sign: keyof typeof CALCULATIONS, right: Value): string {
  return outcome(CALCULATIONS[sign], left, right)
}

function outcome(op: Calculation, left: Value, right: Value): string {
  const [a, b] = [left, right].map((value) => {
    const { at, bytes, type } = encodeValue(value)
    const amount = new Amount()
    amount.read(bytes, type, at)
    return amount
  })
  const into = new Amount()
  calculate(op, a!, b!, into)
  const writer = new Writer()
  const type = into.write(writer)
  const names: Readonly<Record<number, string>> = { 1: "double", 10: "null", 16: "int", 18: "long", 19: "decimal" }
  const value = decodeValue(writer.bytes, type, 0)
  return value === null ? "null" : `${names[type]} ${String(value)}`
}

describe("arithmetic", () => {
  it("is exact for whole numbers, and widens where it has to", () => {
    assert.strictEqual(result(2, "+", 3), "int 5")
    assert.strictEqual(result(2, "*", 2 ** 31 - 1), "long 4294967294")
    assert.strictEqual(result(2n, "+", 3), "long 5")
    assert.strictEqual(result(9007199254740993n, "-", 1), "long 9007199254740992")
    assert.strictEqual(result(2n ** 63n - 1n, "+", 1), "decimal 9223372036854775808")
    assert.strictEqual(result(-(2n ** 63n), "*", -(2n ** 63n)), "decimal 8.507059173023461586584365185794205E+37")
    assert.strictEqual(result(0, "*", -5), "int 0")
  })

  it("keeps the digits of decimals, and rounds half to even beyond 34", () => {
    assert.strictEqual(result(decimal("0.10"), "+", decimal("0.2")), "decimal 0.30")
    assert.strictEqual(result(decimal("8.50"), "*", 3), "decimal 25.50")
    assert.strictEqual(result(decimal("1"), "/", 3), "decimal 0.3333333333333333333333333333333333")
    assert.strictEqual(result(decimal("2"), "/", -3), "decimal -0.6666666666666666666666666666666667")
    assert.strictEqual(result(decimal("10"), "/", decimal("2.5")), "decimal 4")
    assert.strictEqual(result(decimal("1E+60"), "+", decimal("1E-60")), "decimal 1E+60")
    assert.strictEqual(result(decimal("0"), "-", decimal("1E-100")), "decimal -1E-100")
    assert.strictEqual(result(decimal("1E+6000"), "*", decimal("1E+6000")), "decimal Infinity")
    assert.strictEqual(result(decimal("1E-6000"), "*", decimal("1E-6000")), "decimal 0")
    const nines = decimal("9".repeat(34))
    assert.strictEqual(result(nines, "+", decimal("0.5")), "decimal 1.000000000000000000000000000000000E+34")
  })

  it("takes a double beside a decimal as the text it is shown as", () => {
    assert.strictEqual(result(decimal("10.00"), "*", 1.19), "decimal 11.9000")
    assert.strictEqual(result(0.1, "+", decimal("0.2")), "decimal 0.3")
    assert.strictEqual(result(0.1, "+", 0.2), "double 0.30000000000000004")
    assert.strictEqual(result(decimal("1"), "*", 1e300), `decimal 1E+300`)
    assert.strictEqual(result(decimal("Infinity"), "-", 5), "decimal Infinity")
    assert.strictEqual(result(5, "/", decimal("-Infinity")), "decimal 0")
    assert.strictEqual(result(decimal("1"), "*", Number.NaN), "decimal NaN")
  })

  it("makes a double of a quotient of whole numbers, and null of one by zero and of what is no number", () => {
    assert.strictEqual(result(7, "/", 2), "double 3.5")
    assert.strictEqual(result(10n, "/", 2), "double 5")
    for (const zero of [0, -0, 0n, decimal("0.00")])
      for (const value of [1, 1n, 0.5, decimal("1")]) assert.strictEqual(result(value, "/", zero), "null")
    for (const value of [null, "5", true, new Date(5), [1], { a: 1 }]) assert.strictEqual(result(value, "+", 1), "null")
  })

  it("agrees with exact fractions of big integers", () => {
    const random = new Random(11)
    const coefficient = (): bigint =>
      BigInt(random.below(2 ** 31)) * (random.chance(50) ? 1n : 4294967291n) * (random.chance(50) ? 1n : -1n)
    for (let round = 0; round < 3000; round++) {
      const [a, b] = [coefficient(), coefficient()]
      const [e, f] = [-random.below(6), -random.below(6)]
      const scale = 10n ** 5n
      const whole = (value: bigint, exponent: number): bigint => value * 10n ** BigInt(5 + exponent)
      const text = (value: bigint, digits: number): string => `${value}E-${digits}`
      const expected = {
        "+": text(whole(a, e) + whole(b, f), 5),
        "-": text(whole(a, e) - whole(b, f), 5),
        "*": text(whole(a, e) * whole(b, f), 10)
      }
      for (const sign of ["+", "-", "*"] as const) {
        const [kind, given = ""] = result(decimal(`${a}E${e}`), sign, decimal(`${b}E${f}`)).split(" ")
        assert.strictEqual(kind, "decimal")
        // Trailing zeros are digits to a decimal and nothing to its value; products have up to 42 digits and are rounded to 34.
        const [x, y] = [given, expected[sign]].map((number) => fraction(number, scale * scale))
        const error = x! > y! ? x! - y! : y! - x!
        assert.isTrue(sign === "*" ? error * 10n ** 33n <= (y! < 0n ? -y! : y!) : x === y, `${a}E${e} ${sign} ${b}E${f} = ${given}`)
      }
    }
  })
})

/** A decimal's text as a whole number of 1/scale. */
function fraction(text: string, scale: bigint): bigint {
  const [mantissa = "0", power = "0"] = text.split("E")
  const [whole = "", digits = ""] = mantissa.split(".")
  const shift = Number(power) - digits.length
  const value = BigInt(whole + digits) * scale
  return shift >= 0 ? value * 10n ** BigInt(shift) : value / 10n ** BigInt(-shift)
}

const STORE: StoreDefinition = {
  name: "things",
  idKind: "int",
  schema: {
    a: { type: "any", optional: true },
    b: { type: "any", optional: true },
    deep: { type: "any", optional: true },
    list: { type: "any", optional: true },
    owner: { type: "key", optional: true }
  },
  indexes: [
    {
      name: "byA",
      on: [
        { path: "a", direction: "asc" },
        { path: "owner", direction: "asc" }
      ]
    }
  ]
}

/** The rows of a statement about these documents, as JSON; the same from JSON and from BSON. */
function ask(documents: ReadonlyArray<Document>, text: string): string {
  const database = openDatabase({ limits: { snapshotTimeoutMs: 1_000_000 } })
  database.engine.define([STORE])
  database.settle()
  const executor = new Executor({ store: (name) => database.engine.store(name) })
  const transaction = database.engine.transact()
  const rows = new RowList()
  const given = documents.map((document, number) => ({ _id: number, ...document })) as ReadonlyArray<Document>
  executor.insert(transaction, encodeStatement({ kind: "insert", store: "things", documents: given }), 0, rows)
  const statement = parsePql(text)
  assert.deepStrictEqual(parsePql(printPql(statement)), statement)
  executor.rows(transaction, encodeStatement(statement), 0, rows)
  const sink = new ByteSink()
  writeRowsJson(sink, rows)
  transaction.rollback()
  return sink.toText()
}

describe("what is shown", () => {
  it("is all but what omit names, at any depth and in each document of an array", () => {
    const things = [{ a: 1, deep: { x: 1, y: { z: 1, w: 2 } }, list: [{ x: 1, y: 2 }, 5, [{ x: 1 }], { x: 3 }] }]
    assert.strictEqual(
      ask(things, "things.omit(a, deep.y.z, list.x)"),
      '[{"_id":0,"deep":{"x":1,"y":{"w":2}},"list":[{"y":2},5,[{"x":1}],{}]}]'
    )
    assert.strictEqual(
      ask(things, "things.omit(nothing, a.b)"),
      `[{"_id":0,"a":1,"deep":{"x":1,"y":{"z":1,"w":2}},"list":[{"x":1,"y":2},5,[{"x":1}],{"x":3}]}]`
    )
  })

  it("has computed values at its end, in the place of a field of their name", () => {
    const things: ReadonlyArray<Document> = [
      { a: 2, b: 3, deep: { x: "t" } },
      { a: "text", b: 3 }
    ]
    assert.strictEqual(
      ask(things, 'things.orderBy(_id).select(b, sum: a + b * 2, is: a = 2, t: deep.x, five: 5, s: "x")'),
      '[{"_id":0,"b":3,"sum":8,"is":true,"t":"t","five":5,"s":"x"},{"_id":1,"b":3,"sum":null,"is":false,"t":null,"five":5,"s":"x"}]'
    )
    assert.strictEqual(ask(things, "things.orderBy(_id).compute(a: a * 2).omit(deep)"), '[{"_id":0,"b":3,"a":4},{"_id":1,"b":3,"a":null}]')
    assert.strictEqual(ask(things, "things.orderBy(_id).select(only: -(a - b) * 2)"), '[{"_id":0,"only":2},{"_id":1,"only":null}]')
  })

  it("takes conditions as filters do, keys as text included", () => {
    const owner = "0190a5c2d7f07d3a8c1e5b6f7a8b9c0d"
    const text = `things.select(mine: owner = "${owner}" and not (a > 5), some: list any (x = 1))`
    assert.strictEqual(ask([{ a: 1, list: [{ x: 1 }] }], text), '[{"_id":0,"mine":false,"some":true}]')
  })

  it("does not choose or order rows by what is computed", () => {
    for (const text of ["things.select(t: a).orderBy(t)", "things.compute(t: a).filter(t > 5)"]) {
      assert.throws(() => ask([{ a: 1 }], text), /t is computed: rows are chosen and ordered by fields of their documents/)
    }
    assert.strictEqual(ask([{ a: 2 }, { a: 1 }], "things.select(a: a * 2).orderBy(a)"), '[{"_id":1,"a":2},{"_id":0,"a":4}]')
  })
})

describe("aggregates of expressions", () => {
  it("compute of several fields, and of each document of an array", () => {
    const things: ReadonlyArray<Document> = [
      {
        a: 2,
        b: 3,
        list: [
          { price: decimal("1.50"), n: 2 },
          { price: decimal("2"), n: 1 }
        ]
      },
      { a: 5, b: 7, list: [] },
      { a: "x", b: 1, list: [{ price: 1, n: 1 }] }
    ]
    assert.strictEqual(
      ask(things, "things.orderBy(_id).aggregate(s: sum(a * b), m: max(a - b), n: countDistinct(b / b), p: push(a + 1))"),
      '[{"s":41,"m":-1,"n":1,"p":[3,6,null]}]'
    )
    assert.strictEqual(
      ask(things, "things.aggregate(turnover: sum(list.price * list.n), most: max(list.n * 10))"),
      '[{"turnover":"6.00","most":20}]'
    )
  })

  it("read entries of an index where these have all fields", () => {
    const database = openDatabase()
    const on = ["g", "x", "y"].map((path) => ({ path, direction: "asc" as const }))
    const schema = { g: { type: "string" }, x: { type: "int" }, y: { type: "int" } } as const
    database.engine.define([{ name: "n", idKind: "key", schema, indexes: [{ name: "all", on }] }])
    database.settle()
    const executor = new Executor({ store: (name) => database.engine.store(name) })
    const transaction = database.engine.transact()
    const documents = Array.from({ length: 20 }, (_, i) => ({ g: i % 2 === 0 ? "even" : "odd", x: i, y: 2 }))
    executor.insert(transaction, encodeStatement({ kind: "insert", store: "n", documents }), 0, new RowList())
    transaction.commit()
    database.settle()
    const snapshot = database.engine.snapshot()
    const bytes = encodeStatement(parsePql("n.groupBy(g).aggregate(t: sum(x * y))"))
    const explanation = executor.explain("aggregate", bytes, 0, snapshot)
    assert.isTrue(explanation.covering)
    assert.strictEqual(explanation.actual?.documentsRead, 0)
    const rows = new RowList()
    const sink = new ByteSink()
    executor.aggregate(snapshot, bytes, 0, rows)
    writeRowsJson(sink, rows)
    assert.strictEqual(sink.toText(), '[{"g":"even","t":180},{"g":"odd","t":200}]')
    snapshot.close()
  })
})

describe("computed values beside mingo", () => {
  it("are the same for numbers, null and missing fields", () => {
    const random = new Random(5)
    const operand = (): { readonly ours: string; readonly theirs: unknown } => {
      if (random.chance(30)) {
        const number = random.pick([1, 2, 0.5, 3])
        return { ours: String(number), theirs: number }
      }
      const path = random.pick(["a", "b", "deep.x"])
      return { ours: path, theirs: `$${path}` }
    }
    const expression = (depth: number): { readonly ours: string; readonly theirs: unknown } => {
      if (depth === 0 || random.chance(30)) return operand()
      const [sign, name] = random.pick([
        ["+", "$add"],
        ["-", "$subtract"],
        ["*", "$multiply"]
      ] as const)
      const [left, right] = [expression(depth - 1), expression(depth - 1)]
      return { ours: `(${left.ours} ${sign} ${right.ours})`, theirs: { [name]: [left.theirs, right.theirs] } }
    }
    for (let round = 0; round < 60; round++) {
      const value = (): Value => random.pick<Value>([0, 1, -2, 2.5, 1e6, null])
      const documents = Array.from({ length: 8 }, (): Document => ({
        ...(random.chance(80) ? { a: value() } : {}),
        ...(random.chance(80) ? { b: value() } : {}),
        ...(random.chance(80) ? { deep: { x: value() } } : {})
      }))
      const { ours, theirs } = expression(3)
      const given = documents.map((document, _id) => ({ _id, ...document }))
      const shown = aggregate(given, [{ $sort: { _id: 1 } }, { $project: { v: { $ifNull: [theirs, null] } } }])
      assert.deepStrictEqual(JSON.parse(ask(documents, `things.select(v: ${ours}).orderBy(_id)`)), JSON.parse(JSON.stringify(shown)), ours)
      const numbers = (shown as unknown as ReadonlyArray<{ readonly v: number | null }>).flatMap(({ v }) => (v === null ? [] : [v]))
      const expected = numbers.length === 0 ? null : numbers.reduce((sum, number) => sum + number)
      assert.strictEqual(ask(documents, `things.aggregate(t: sum(${ours}))`), JSON.stringify([{ t: expected }]), ours)
    }
  })
})

describe("a statement with expressions", () => {
  it("is refused where one is wrong, with its place", () => {
    const cases: ReadonlyArray<readonly [Document, RegExp]> = [
      [{ store: "s", compute: { a: { $plus: ["x", 1] } } }, /compute\.a\.\$plus.*\$plus is no operator of expressions/],
      [{ store: "s", compute: { a: { $add: ["x"] } } }, /compute\.a\.\$add.*takes two expressions/],
      [{ store: "s", compute: { a: { $add: ["x", { $add: [1, true] }] } } }, /compute\.a\.\$add\.1\.\$add\.1.*an expression is a path/],
      [{ store: "s", compute: { a: { $add: [1, 2], $value: 1 } } }, /an expression is a path, a number or one operator/],
      [{ store: "s", compute: { a: { $test: {} } } }, /\$test takes a filter/],
      [{ store: "s", compute: { _id: "a" } }, /"_id" is no name for a value/],
      [{ store: "s", compute: {} }, /compute names no value/],
      [{ store: "s", omit: ["_id"] }, /_id is always shown/],
      [{ store: "s", omit: ["a"], select: ["b"] }, /one of them/]
    ]
    const database = openDatabase()
    database.engine.define([{ ...STORE, name: "s" }])
    database.settle()
    const executor = new Executor({ store: (name) => database.engine.store(name) })
    const snapshot = database.engine.snapshot()
    for (const [document, message] of cases) {
      try {
        const { at, bytes } = encodeValue(document)
        executor.find(snapshot, bytes, at, new RowList())
        assert.fail(`${JSON.stringify(document)} was accepted`)
      } catch (error) {
        if (!isFault(error, "InvalidStatement")) throw error
        const { message: text, path } = error.reason as unknown as { readonly path: string; readonly message: string }
        assert.match(`${path}: ${text}`, message)
      }
    }
    snapshot.close()
  })

  it("nests only so deep", () => {
    assert.throws(() => parsePql(`s.aggregate(a: sum(${"(".repeat(40)}b${")".repeat(40)}))`), /at most 32 levels/)
    assert.throws(() => parsePql(`s.select(a: b${" + b".repeat(40)})`), /at most 32 terms/)
  })
})
