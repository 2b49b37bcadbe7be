/** Stores that classes of Effect's Schema declare. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Planck from "../../src/Planck.ts"

class Line extends Schema.Class<Line>("Line")({
  sku: Schema.String.check(Schema.isMaxLength(10)),
  quantity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))
}) {}

/** Stored as text with commas, a set in the program. */
const Tags = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Array(Schema.String),
    SchemaTransformation.transform<ReadonlyArray<string>, string>({ decode: (text) => text.split(","), encode: (tags) => tags.join(",") })
  )
)

class Order extends Schema.Class<Order>("Order")({
  _id: Planck.KeyField,
  customer: Schema.String.check(Schema.isPattern(/^[a-z]+$/)),
  status: Schema.Literals(["open", "paid"]).pipe(Schema.withConstructorDefault(Effect.succeed("open" as const))),
  total: Planck.DecimalField,
  lines: Schema.Array(Line),
  tags: Tags,
  note: Schema.optionalKey(Schema.NullOr(Schema.String)),
  seenAt: Schema.optional(Schema.Date),
  placedAt: Schema.Date
}) {
  get pieces(): number {
    return this.lines.reduce((sum, { quantity }) => sum + quantity, 0)
  }
}

const orders = Planck.schemaStore(Order, {
  name: "orders",
  indexes: [
    {
      name: "byCustomer",
      on: [
        { path: "customer", direction: "asc" },
        { path: "placedAt", direction: "desc" }
      ]
    }
  ]
})
const given = (customer: string, quantity: number) => ({
  customer,
  total: Planck.Decimal128.fromString("12.50"),
  lines: [new Line({ sku: "A-1", quantity })],
  tags: ["new", "gift"],
  placedAt: new Date(quantity)
})

const withOrders = <A, E>(program: Effect.Effect<A, E, Planck.Query>) =>
  program.pipe(Effect.provide(Planck.layerMemory({ stores: [orders.definition] })))

describe("a store of a class", () => {
  it("has the fields of the encoded side, with the checks that a store knows", () => {
    assert.deepStrictEqual(orders.definition.schema, {
      customer: { type: "string" },
      status: { type: "literals", values: ["open", "paid"] },
      total: { type: "decimal" },
      lines: {
        type: "array",
        items: { type: "struct", fields: { sku: { type: "string", maxLength: 10 }, quantity: { type: "int", min: 1, max: 100 } } }
      },
      tags: { type: "string" },
      note: { type: "string", nullable: true, optional: true },
      seenAt: { type: "date", optional: true },
      placedAt: { type: "date" }
    })
    assert.strictEqual(orders.definition.idKind, "key")
  })

  it.effect("gives instances, and takes instances or their fields", () =>
    withOrders(
      Effect.gen(function* () {
        const { query, write } = yield* Planck.Query
        const id = yield* write(orders.insert(given("ada", 2)))
        yield* write(orders.insert([given("ada", 5), { ...given("bob", 1), status: "paid", seenAt: undefined }]))

        const order = yield* query(orders.get(id))
        assert.instanceOf(order, Order)
        assert.instanceOf(order?.lines[0], Line)
        assert.deepStrictEqual([order?.pieces, order?.status, order?.tags, order?.total.toString()], [2, "open", ["new", "gift"], "12.50"])

        const latest = yield* query(orders.filter({ customer: "ada" }).orderBy("placedAt", "desc").first())
        assert.strictEqual(latest?.pieces, 5)
        const { next, rows } = yield* query(orders.orderBy("placedAt").page(2))
        assert.deepStrictEqual(
          rows.map(({ pieces }) => pieces),
          [1, 2]
        )
        assert.deepStrictEqual(
          (yield* query(orders.orderBy("placedAt").page(2, next))).rows.map(({ pieces }) => pieces),
          [5]
        )
        assert.deepStrictEqual(
          yield* query(
            orders
              .filter("tags", "startsWith", "new")
              .documents.groupBy("customer")
              .aggregate({ orders: { count: true } })
              .orderBy("customer")
          ),
          [
            { customer: "ada", orders: 2 },
            { customer: "bob", orders: 1 }
          ]
        )
        assert.deepStrictEqual(yield* write(orders.filter({ _id: id }).set({ status: "paid" })), { matched: 1, modified: 1 })
        yield* write(orders.replace(new Order({ ...(yield* query(orders.get(id)))!, note: "gift" })))
        assert.strictEqual((yield* query(orders.get(id)))?.note, "gift")
        assert.strictEqual(yield* write(orders.filter({ customer: "bob" }).delete()), 1)
      })
    )
  )

  it.effect("works within transactions, and one moment", () =>
    withOrders(
      Effect.gen(function* () {
        const { read, transact } = yield* Planck.Query
        const pieces = yield* transact((transaction) => {
          const id = transaction.write(orders.insert(given("ada", 3)))
          return transaction.read(orders.get(id))?.pieces
        })
        assert.strictEqual(pieces, 3)
        assert.deepStrictEqual(yield* read((moment) => [moment.read(orders.count()), moment.read(orders.first())?.pieces]), [1, 3])
      })
    )
  )

  it.effect("refuses what the schema does not take, with the place, and writes nothing", () =>
    withOrders(
      Effect.gen(function* () {
        const { query, write } = yield* Planck.Query
        const refused = yield* Effect.flip(write(orders.insert([given("ada", 1), { ...given("ADA", 1), placedAt: new Date(Number.NaN) }])))
        assert.strictEqual(refused._tag, "QueryError")
        const { reason } = refused
        if (reason._tag !== "InvalidDocument") throw new Error(reason._tag)
        assert.strictEqual(reason.index, 1)
        assert.include(["/customer", "/placedAt"], reason.issues[0]?.pointer)
        assert.strictEqual(yield* query(orders.count()), 0)
      })
    )
  )

  it.effect("refuses a stored document that the schema does not make", () =>
    withOrders(
      Effect.gen(function* () {
        const { query, transact } = yield* Planck.Query
        const stored = {
          customer: "Ada",
          status: "open",
          total: Planck.Decimal128.fromString("1"),
          lines: [],
          tags: "",
          placedAt: new Date(0)
        }
        yield* transact((transaction) => transaction.insert("orders", stored))
        const refused = yield* Effect.flip(query(orders.filter({ status: "open" })))
        if (refused.reason._tag !== "InvalidDocument") throw new Error(refused.reason._tag)
        assert.deepStrictEqual(
          refused.reason.issues.map(({ pointer }) => pointer),
          ["/customer"]
        )
        assert.strictEqual((yield* query(orders.documents.first()))?.customer, "Ada")
      })
    )
  )
})

describe("fields of schemas", () => {
  const fieldOf = (field: Schema.Codec<unknown, unknown>): unknown =>
    Planck.schemaStore(Schema.Struct({ _id: Schema.String, it: field }), { name: "things" }).definition.schema["it"]

  it("every kind of schema has one", () => {
    assert.deepStrictEqual(fieldOf(Schema.Boolean), { type: "boolean" })
    assert.deepStrictEqual(fieldOf(Schema.Number), { type: "number" })
    assert.deepStrictEqual(fieldOf(Schema.Int), { type: "number" })
    assert.deepStrictEqual(fieldOf(Schema.Int.check(Schema.isInt32())), { type: "int", min: -2147483648, max: 2147483647 })
    assert.deepStrictEqual(fieldOf(Schema.BigInt), { type: "long" })
    assert.deepStrictEqual(fieldOf(Schema.Literal("a")), { type: "literals", values: ["a"] })
    assert.deepStrictEqual(fieldOf(Schema.DateFromString), { type: "string" })
    assert.deepStrictEqual(fieldOf(Schema.Record(Schema.String, Schema.Boolean)), { type: "record", values: { type: "boolean" } })
    assert.deepStrictEqual(fieldOf(Schema.Union([Schema.String, Schema.Boolean])), {
      type: "union",
      members: [{ type: "string" }, { type: "boolean" }]
    })
    assert.deepStrictEqual(fieldOf(Planck.UuidField), { type: "uuid" })
    assert.deepStrictEqual(fieldOf(Planck.ObjectIdField), { type: "objectId" })
    assert.deepStrictEqual(fieldOf(Planck.BinaryField), { type: "binary" })
    assert.deepStrictEqual(fieldOf(Schema.Unknown), { type: "any" })
  })

  it("what no store can hold is refused with its path", () => {
    interface Tree {
      readonly children: ReadonlyArray<Tree>
    }
    const Tree = Schema.Struct({ children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree)) })
    assert.throws(() => fieldOf(Schema.Symbol), /things\.it: a store has no field for symbol/)
    assert.throws(() => fieldOf(Schema.Struct({ at: Schema.Uint8Array })), /things\.it\.at: a store has no field for this class of values/)
    assert.throws(() => fieldOf(Tree), /things\.it\.children\[\].*nest at most 32 deep/)
    assert.throws(() => Planck.schemaStore(Schema.Struct({ name: Schema.String }), { name: "things" }), /things\._id: there has to be one/)
    assert.throws(() => Planck.schemaStore(Schema.Struct({ _id: Schema.Number }), { name: "things" }), /things\._id: an id is/)
  })
})

/** What the compiler has to refuse; never run. */
export function types(id: Planck.Key): ReadonlyArray<unknown> {
  const inserted = given("ada", 1)
  return [
    orders.filter({ customer: "ada", "lines.sku": "A-1" }).orderBy("lines.quantity").first() satisfies { readonly decode?: unknown },
    orders.get(id),
    // @ts-expect-error no such field
    orders.filter({ costumer: "ada" }),
    // @ts-expect-error the stored side is text
    orders.filter({ tags: ["new"] }),
    // @ts-expect-error none of the values
    orders.filter({ status: "lost" }),
    // @ts-expect-error an id is a key
    orders.get("ada"),
    // @ts-expect-error a field is missing
    orders.insert({ customer: "ada" }),
    // @ts-expect-error a wrong type
    orders.insert({ ...inserted, placedAt: "today" }),
    // @ts-expect-error no such path
    Planck.schemaStore(Order, { name: "orders", indexes: [{ name: "x", on: [{ path: "costumer", direction: "asc" }] }] }),
    // @ts-expect-error a store needs what is read and written without services
    Planck.schemaStore(Schema.String, { name: "texts" })
  ]
}
