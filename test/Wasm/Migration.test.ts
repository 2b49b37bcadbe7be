/** Migrations that are functions of a service, from its text to the documents on disk. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Disk } from "../../src/Disk/Disk.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import type { LogLine } from "../../src/Wasm/Log.ts"
import type { Service } from "../../src/Wasm/Service.ts"
import { Wasm } from "../../src/Wasm/Wasm.ts"
import { image } from "./Authors.ts"
import { request, text } from "./Bench.ts"

const service = (store: string): Uint8Array =>
  image(`
import { convertField, Decimal, type Key, s, service, store } from "@planckdb/planck/guest"
${store}
export default service({ name: "people", version: "1.0.0" }, (app) => {
  const config = app.config({ country: s.string().default("AT") })
  app.get("/people", () => people.orderBy("_id"))
  app.post("/people", { body: people.input }, ({ body }) => people.insert(body))
})
`)

const first = service(`
const people = store("people", { first: s.string(), last: s.string(), born: s.date(), owes: s.decimal(), note: s.string().optional() })`)

/** The second version, with these ways to it. */
const second = (ways: string, indexes = ""): Uint8Array =>
  service(`
type Old = { readonly _id: Key<"people">; readonly first: string; readonly last: string; readonly born: Date; readonly owes: Decimal; readonly note?: string }
type New = { readonly name: string; readonly born: Date; readonly owes: Decimal; readonly age?: number; readonly note?: string }
const people = store("people", { name: s.string(), born: s.date(), owes: s.decimal(), age: s.int().optional(), note: s.string().optional() }, { version: 2, ${indexes} migrate: { 2: ${ways} } })`)

const UP = `({ first, last, ...rest }: Old) => ({ ...rest, name: first + " " + last, owes: rest.owes.add("1.00") })`
const DOWN = `({ name, owes, age, ...rest }: New) => ({ ...rest, first: name.split(" ")[0], last: name.split(" ")[1] ?? fail(name), owes: owes.subtract("1.00") })
const fail = (name: string): never => { throw new RangeError("no two names in " + name) }`

const lines: LogLine[] = []

/** A database in memory with a runtime that is quick to stop a guest. */
const runtime = Wasm.layer({ log: (line) => void lines.push(line), limits: { deadlineMs: 40, coldDeadlineMs: 400, coldCalls: 2 } }).pipe(
  Layer.provideMerge(Storage.layer({ directory: "data" })),
  Layer.provide(Disk.layerMemory())
)

interface Person {
  readonly _id: string
  readonly [field: string]: unknown
}

const people = (loaded: Service): ReadonlyArray<Person> => {
  const answer = loaded.handle(0, request({ path: "/people" }))
  assert.strictEqual(answer.status, 200)
  return JSON.parse(text(answer)) as ReadonlyArray<Person>
}

const post = Effect.fnUntraced(function* (loaded: Service, body: object) {
  const answer = loaded.handle(
    1,
    request({ method: "POST", path: "/people", contentType: "application/json", body: Buffer.from(JSON.stringify(body)) })
  )
  yield* (yield* Storage).awaitDurable(answer.waitLsn)
  assert.strictEqual(answer.status, 200)
})

const person = (n: number, more: object = {}): object => ({
  first: `F${n}`,
  last: `L${n}`,
  born: "1990-01-02T00:00:00.000Z",
  owes: `${n}.50`,
  ...more
})

/** Runs with the first version and some people in it. */
const withPeople = <A, E>(count: number, use: (loaded: Service) => Effect.Effect<A, E, Wasm | Storage | Scope.Scope>) =>
  Effect.gen(function* () {
    const loaded = yield* (yield* Wasm).load(first)
    for (let n = 0; n < count; n++) yield* post(loaded, person(n))
    return yield* use(loaded)
  }).pipe(Effect.scoped, Effect.provide(runtime))

const load = (bytes: Uint8Array) => Effect.flatMap(Wasm, (wasm) => wasm.load(bytes))

/** What loading a version fails with. */
const failure = (bytes: Uint8Array) =>
  Effect.map(Effect.flip(load(bytes)), ({ reason }) => {
    if (reason._tag !== "MigrationFailed") return assert.fail(`${reason._tag}: ${reason.message}`)
    return reason
  })

describe("a migration that is a function of the service", () => {
  it.live("makes every document one of the new version, with its types, and keeps its id", () =>
    withPeople(250, (loaded) =>
      Effect.gen(function* () {
        const before = people(loaded)
        const after = people(yield* load(second(UP)))
        assert.lengthOf(after, 250)
        assert.deepStrictEqual(
          after,
          before.map(({ _id, born, first, last }, n) => ({ _id, name: `${first} ${last}`, born, owes: `${n + 1}.50` }))
        )
      })
    )
  )

  it.live("goes on while the version before reads and writes, and misses nothing of it", () =>
    withPeople(300, (loaded) =>
      Effect.gen(function* () {
        let written = 300
        const writing = yield* Effect.forkChild(
          Effect.forever(
            Effect.suspend(() => (loaded.manifest.version === "1.0.0" && written < 330 ? post(loaded, person(written++)) : Effect.yieldNow))
          )
        )
        const migrated = yield* load(second(UP))
        writing.interruptUnsafe()
        const names = people(migrated).map(({ name }) => name)
        assert.isAbove(written, 300)
        assert.isAtLeast(names.length, written - 1)
        assert.deepStrictEqual(
          names,
          names.map((_, n) => `F${n} L${n}`)
        )
      })
    )
  )

  it.live("tells which documents it fails for, with the author's line, and then nothing has changed", () =>
    withPeople(5, (loaded) =>
      Effect.gen(function* () {
        yield* post(loaded, person(5, { note: "bad" }))
        const before = people(loaded)
        const failed = yield* failure(
          second(`(old: Old) => {
  if (old.note === "bad") throw new RangeError("no name for " + old.first)
  return { name: old.first, born: old.born, owes: old.owes }
}`)
        )
        assert.strictEqual(failed.total, 1)
        assert.strictEqual(failed.listed[0]?.id, JSON.stringify(before[5]?._id))
        assert.match(failed.listed[0]?.message ?? "", /no name for F5 .*orders\.ts:7/)
        assert.deepStrictEqual(people(loaded), before)
        yield* post(loaded, person(6))
      })
    )
  )

  for (const [what, ways, pattern] of [
    [
      "does not end",
      "(old: Old) => { if (old.first === 'F1') for (;;); return { ...old, name: old.first, first: undefined, last: undefined } }",
      /ran longer than 40/
    ],
    ["asks for a store", "(old: Old) => ({ name: String(people.count()) })", /a migration sees its document and nothing else/],
    ["gives no document", "() => [] as never", /has to return a document/],
    ["gives another id", "(old: Old) => ({ ...old, _id: 5 })", /leaves _id as it is/],
    ["gives what does not fit the schema", "(old: Old) => ({ name: 5, born: old.born, owes: old.owes })", /string/],
    ["waits for nothing that comes", "() => new Promise<never>(() => {})", /never settles/]
  ] as const) {
    it.live(`fails for a document where it ${what}, and goes on with the next`, () =>
      withPeople(3, (loaded) =>
        Effect.gen(function* () {
          const failed = yield* failure(second(ways))
          assert.strictEqual(failed.total, what === "does not end" ? 1 : 3)
          for (const { message } of failed.listed) assert.match(message, pattern)
          assert.lengthOf(people(loaded), 3)
        })
      )
    )
  }

  it.live("may be a promise, and stands beside steps for other versions", () =>
    withPeople(3, () =>
      Effect.gen(function* () {
        const third = service(`
type Old = { readonly first: string; readonly last: string; readonly born: Date; readonly owes: Decimal }
const people = store("people", { name: s.string(), born: s.date(), owes: s.string() }, {
  version: 3,
  migrate: {
    2: async ({ first, last, ...rest }: Old) => ({ ...(await rest), name: last + ", " + first }),
    3: [convertField("owes", "string")]
  }
})`)
        assert.deepStrictEqual(
          people(yield* load(third)).map(({ name, owes }) => [name, owes]),
          [0, 1, 2].map((n) => [`L${n}, F${n}`, `${n}.50`])
        )
      })
    )
  )
})

describe("the plan of a migration", () => {
  it.live("says how many documents would be converted and which would fail, and changes nothing", () =>
    withPeople(150, (loaded) =>
      Effect.gen(function* () {
        const { planMigrations } = yield* Wasm
        const unique = second(
          `{ up: (old: Old) => ({ ...old, name: old.first === "F7" ? 7 : old.first, first: undefined, last: undefined }), down: [] }`,
          `indexes: [{ on: ["name"], unique: true }],`
        )
        const before = (yield* Storage).engine.lastLsn
        const [plan, ...others] = yield* planMigrations(unique)
        assert.deepStrictEqual(others, [])
        assert.deepInclude(plan, { store: "people", from: 1, to: 2, documents: 150, failed: 1, isReversible: true })
        assert.deepStrictEqual(
          plan?.listed.map(({ id, pointer }) => [id, pointer]),
          [[JSON.stringify(people(loaded)[7]?._id), "/name"]]
        )
        assert.lengthOf(plan?.uniqueIndexes ?? [], 1)
        assert.deepInclude((yield* planMigrations(second(UP)))[0], { failed: 0, isReversible: false, uniqueIndexes: [] })
        assert.deepStrictEqual(yield* planMigrations(first), [])
        assert.strictEqual((yield* Storage).engine.lastLsn, before)
      })
    )
  )
})

describe("the way back", () => {
  const both = second(
    `{ up: ${UP}, down: ${DOWN.replace('\nconst fail = (name: string): never => { throw new RangeError("no two names in " + name) }', "").replace("?? fail(name)", "")} }`
  )

  it.live("is what the later version says, documents written since included, and the earlier version then serves them", () =>
    withPeople(20, (loaded) =>
      Effect.gen(function* () {
        const before = people(loaded)
        const wasm = yield* Wasm
        const scope = yield* Scope.make()
        const later = yield* Scope.provide(load(both), scope)
        yield* post(later, { name: "Grace Hopper", born: "1906-12-09T00:00:00.000Z", owes: "8.00", age: 85 })
        yield* Scope.close(scope, Exit.void)
        assert.match((yield* Effect.flip(load(first))).message, /version 2 and do not go back to 1/)
        assert.deepInclude((yield* wasm.planMigrations(first, both))[0], { from: 2, to: 1, documents: 21, failed: 0 })
        yield* wasm.migrate(first, both)
        const after = people(yield* load(first))
        assert.deepStrictEqual(after.slice(0, 20), before)
        assert.deepInclude(after[20], { first: "Grace", last: "Hopper", owes: "7.00" })
      })
    )
  )

  it.live("is refused where the later version does not say it, and where a document cannot go", () =>
    withPeople(2, () =>
      Effect.gen(function* () {
        const wasm = yield* Wasm
        yield* load(both)
        for (const attempt of [wasm.planMigrations(first, second(UP)), wasm.migrate(first, second(UP))]) {
          assert.match((yield* Effect.flip(attempt)).message, /migration to version 2 has no way down/)
        }
        assert.match((yield* Effect.flip(wasm.planMigrations(first))).message, /do not go back to 1/)
        const refusing = second(`{ up: ${UP}, down: (): never => { throw new RangeError("no") } }`)
        assert.include(yield* Effect.map(Effect.flip(wasm.migrate(first, refusing)), ({ reason }) => reason), {
          _tag: "MigrationFailed",
          total: 2
        })
        assert.lengthOf(people(yield* load(both)), 2)
      })
    )
  )
})
