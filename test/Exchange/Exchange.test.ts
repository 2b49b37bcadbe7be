import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { ExchangeError } from "../../src/Exchange/Errors.ts"
import { load } from "../../src/Exchange/Exchange.ts"
import { FORMATS } from "../../src/Exchange/Format.ts"
import type { RejectedRow } from "../../src/Exchange/Load.ts"
import { Random } from "../Storage/Random.ts"
import { documentsOf, dumped, insert, onDatabase, pieces, thing, THINGS } from "./Things.ts"

const disk = (seed: number): SimulatedVolume => new SimulatedVolume({ seed, syncs: "automatic" })
const text = (lines: ReadonlyArray<string>): Uint8Array => new TextEncoder().encode(lines.join("\n"))

/** Loads bytes that come in pieces. */
const loadBytes = (bytes: Uint8Array, options: Partial<Parameters<typeof load>[0]> = {}, seed = 1) =>
  load({ store: "things", format: "ndjson", source: "things.ndjson", ...options, chunks: pieces(bytes, new Random(seed)) })

const reasonOf = (program: ReturnType<typeof loadBytes>) =>
  Effect.map(Effect.flip(program), (error) => (error instanceof ExchangeError ? error.reason : assert.fail(String(error))))

/** A row of THINGS with nothing optional in it. */
const row = (id: string, small: unknown = 1): string =>
  JSON.stringify({
    _id: id,
    plain: "x",
    small,
    real: null,
    price: "1.50",
    isOn: true,
    at: "2026-01-31T12:00:00Z",
    key: "00000000000000000000000000000001",
    object: "0123456789abcdef01234567",
    bytes: "AAE=",
    kind: "a",
    lines: []
  })

describe("dump and load", () => {
  for (const format of FORMATS) {
    it(`bring a store into another database to the byte, as ${format}`, async () => {
      for (let seed = 1; seed <= 12; seed++) {
        const random = new Random(seed)
        const documents = Array.from({ length: random.below(40) }, (_, n) => thing(random, n))
        const out = await onDatabase(
          disk(seed),
          Effect.gen(function* () {
            if (documents.length > 0) yield* insert(documents)
            return { there: yield* dumped(format), bson: yield* dumped("bson") }
          })
        )
        const back = await onDatabase(
          disk(seed),
          Effect.gen(function* () {
            const report = yield* loadBytes(out.there, { format }, seed)
            assert.deepInclude(report, { rows: documents.length, inserted: documents.length, rejected: 0 }, `seed ${seed}`)
            return { there: yield* dumped(format), bson: yield* dumped("bson"), again: yield* loadBytes(out.there, { format }, seed) }
          })
        )
        assert.deepStrictEqual(documentsOf(back.bson), documentsOf(out.bson), `seed ${seed}`)
        assert.deepStrictEqual(back.bson, out.bson, `seed ${seed}`)
        assert.deepStrictEqual(back.there, out.there, `seed ${seed}`)
        assert.deepInclude(back.again, { inserted: 0, same: documents.length }, `seed ${seed}`)
      }
    })
  }

  it("take plain JSON where the schema says the type, lines of any ending, and rows without an end", async () => {
    const bytes = text(["\ufeff", row("a"), "", `${row("b")}\r`, row("c")])
    const report = await onDatabase(disk(1), loadBytes(bytes))
    assert.deepInclude(report, { rows: 3, inserted: 3 })
  })
})

describe("load", () => {
  it("stops at a bad row with line, offset and field; what was before it is there, and the mended source goes on behind it", async () => {
    const volume = disk(1)
    const lines = [row("a"), row("b"), row("c", "three"), row("d")]
    const reason = await onDatabase(volume, reasonOf(loadBytes(text(lines))))
    assert.deepInclude(reason, { _tag: "BadRow", line: 3, field: "/small", offset: text(lines.slice(0, 2)).length + 1 })
    assert.match(reason.message, /^things\.ndjson:3: \/small: expected an int/)
    lines[2] = row("c", 3)
    const { report, there } = await onDatabase(
      volume,
      Effect.gen(function* () {
        return { report: yield* loadBytes(text(lines)), there: documentsOf(yield* dumped("bson")) }
      })
    )
    assert.deepInclude(report, { rows: 4, inserted: 4, resumedAtBytes: text(lines.slice(0, 2)).length + 1 })
    assert.deepStrictEqual(there.map((it) => it["_id"]).toSorted(), ["a", "b", "c", "d"])
  })

  it("refuses to go on when the source no longer begins as it did, unless it is to begin anew", async () => {
    const volume = disk(1)
    await onDatabase(volume, reasonOf(loadBytes(text([row("a"), row("b"), "{"]))))
    const changed = text([row("x"), row("b"), row("c")])
    assert.deepInclude(await onDatabase(volume, reasonOf(loadBytes(changed))), { _tag: "SourceChanged" })
    assert.deepInclude(await onDatabase(volume, reasonOf(loadBytes(text([row("a")])))), { _tag: "SourceChanged" })
    assert.deepInclude(await onDatabase(volume, loadBytes(changed, { isFresh: true })), { rows: 3, inserted: 2, same: 1 })
  })

  it("hands bad rows over when somebody takes them, and loads the others", async () => {
    const rejected: Array<RejectedRow> = []
    const lines = [row("a"), "{", row("a", 2), row("b", 1.5), row("c")]
    const report = await onDatabase(disk(1), loadBytes(text(lines), { reject: (it) => rejected.push(it) }))
    assert.deepInclude(report, { rows: 5, inserted: 2, rejected: 3 })
    assert.deepStrictEqual(
      rejected.map(({ field, line, row }) => [line, field, new TextDecoder().decode(row)]),
      [
        [2, "", "{"],
        [3, "/_id", lines[2]],
        [4, "/small", lines[3]]
      ]
    )
  })

  it("replaces documents with the same _id when it may", async () => {
    const report = await onDatabase(disk(1), loadBytes(text([row("a"), row("a", 2)]), { replaces: true }))
    assert.deepInclude(report, { rows: 2, inserted: 1, replaced: 1 })
  })

  it("takes a row whose values have to be unique and are not for a bad row, whoever has them: the database or a row before it", async () => {
    const unique = { ...THINGS, indexes: [{ name: "byPlain", on: [{ path: "plain", direction: "asc" }], unique: true }] } as const
    const volume = disk(1)
    const lines = [row("a").replace('"x"', '"one"'), row("b").replace('"x"', '"two"'), row("c").replace('"x"', '"one"'), row("d")]
    const reason = await onDatabase(volume, reasonOf(loadBytes(text(lines))), [unique])
    assert.deepInclude(reason, { _tag: "BadRow", line: 3, field: "/plain", offset: text(lines.slice(0, 2)).length + 1 })
    assert.include(reason.message, 'things.byPlain is unique, and another document has plain "one"')
    const rejected: Array<RejectedRow> = []
    const { report, there } = await onDatabase(
      volume,
      Effect.gen(function* () {
        const report = yield* loadBytes(text(lines), { reject: (it) => rejected.push(it) })
        return { report, there: documentsOf(yield* dumped("bson")) }
      }),
      [unique]
    )
    assert.deepInclude(report, { rows: 4, inserted: 3, rejected: 1 })
    assert.deepStrictEqual(
      rejected.map(({ field, line }) => [line, field]),
      [[3, "/plain"]]
    )
    assert.deepStrictEqual(there.map((it) => it["_id"]).toSorted(), ["a", "b", "d"])
  })

  it("says what is wrong with a header, a record and a document", async () => {
    const wrong: ReadonlyArray<readonly ["csv" | "bson", Uint8Array, number, RegExp]> = [
      ["csv", text(["_id,nope", "a,b"]), 1, /"nope", which is no field/],
      ["csv", text(["_id,_id", "a,b"]), 1, /names _id twice/],
      ["csv", text(["_id,small", "a"]), 2, /1 cells, the header 2/],
      ["csv", text(["_id,small", '"a,1']), 2, /not closed/],
      ["csv", text(["_id,small", 'a"b,1']), 2, /column 1: a quote within/],
      ["csv", text(["_id,small", '"a"b,1']), 2, /column 1: a comma is expected/],
      ["csv", text(["_id,lines", "a,[1"]), 2, /\/lines/],
      ["bson", Uint8Array.of(5, 0, 0, 0, 0), 1, /required/],
      ["bson", Uint8Array.of(9, 0, 0, 0, 0), 1, /ends within a document/],
      ["bson", Uint8Array.of(1, 0, 0, 0, 0), 1, /cannot have 1 bytes/],
      ["bson", Uint8Array.of(8, 0, 0, 0, 99, 97, 0, 0), 1, /./]
    ]
    for (const [format, bytes, line, message] of wrong) {
      const reason = await onDatabase(disk(1), reasonOf(loadBytes(bytes, { format })))
      assert.deepInclude(reason, { _tag: "BadRow", line }, String(message))
      assert.match(reason.message, message)
    }
  })

  it("after a crash goes on where the disk has it: no row is lost and none comes twice", async () => {
    const lines = Array.from({ length: 12_000 }, (_, n) => `{"n":${n}}`)
    // Rows without _id get one of their own, so one that came twice would be two documents.
    const store = { name: "notes", idKind: "key", schema: { n: { type: "int" } }, indexes: [] } as const
    const limits = { logStagingBytesMax: 128 * 1024 }
    const notes = text(lines)
    let resumed = 0
    for (let failAt = 5; failAt < 200; failAt += 3) {
      const volume = disk(failAt)
      let operations = 0
      volume.failWhen(({ operation }) => ((operation === "write" || operation === "sync") && ++operations > failAt ? "EIO" : undefined))
      const options = { store: "notes", source: "notes.ndjson" }
      const isWhole = await onDatabase(volume, loadBytes(notes, options, failAt), [store], limits).then(
        () => true,
        (error: unknown) => {
          assert.match(String(error), /EIO/, `failed at ${failAt}`)
          return false
        }
      )
      if (isWhole) break
      const { report, there } = await onDatabase(
        volume.crash(failAt),
        Effect.gen(function* () {
          return { report: yield* loadBytes(notes, options, failAt), there: documentsOf(yield* dumped("bson", "notes")) }
        }),
        [store]
      )
      assert.strictEqual(report.rows, lines.length, `failed at ${failAt}`)
      if (report.resumedAtBytes > 0) resumed++
      assert.deepStrictEqual(
        there.map((it) => it["n"] as number).toSorted((x, y) => x - y),
        lines.map((_, n) => n),
        `failed at ${failAt}`
      )
    }
    assert.isAbove(resumed, 0)
  })
})
