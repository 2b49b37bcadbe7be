/**
 * What `effect/persistence` promises, asked of Effect's own layers in memory and of Planck's, by the same tests; then what only a database can promise.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Persistable from "effect/persistence/Persistable"
import * as PersistedCache from "effect/persistence/PersistedCache"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as Persistence from "effect/persistence/Persistence"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { layerBackingPersistence, layerKeyValueStore, layerPersistedQueueStore } from "../../src/Persistence/Persistence.ts"
import * as Planck from "../../src/Planck.ts"

const onPlanck = <A, E>(layer: Layer.Layer<A, E, Planck.Query | Planck.Storage>) =>
  layer.pipe(Layer.provide(Planck.layerMemory()), Layer.orDie)

for (const [name, layer] of [
  ["in memory", KeyValueStore.layerMemory],
  ["in Planck", onPlanck(layerKeyValueStore())]
] as const) {
  describe(`KeyValueStore ${name}`, () => {
    const check = <A, E>(what: string, test: (values: KeyValueStore.KeyValueStore) => Effect.Effect<A, E>) =>
      it.effect(what, () => Effect.flatMap(KeyValueStore.KeyValueStore, test).pipe(Effect.provide(layer)))

    check("keeps texts and bytes, and gives each in both forms", (values) =>
      Effect.gen(function* () {
        yield* values.set("text", "héllo")
        yield* values.set("bytes", new Uint8Array([1, 2, 255]))
        yield* values.set("", "the empty key")
        assert.strictEqual(yield* values.get("text"), "héllo")
        assert.deepStrictEqual(yield* values.getUint8Array("text"), new TextEncoder().encode("héllo"))
        assert.deepStrictEqual(yield* values.getUint8Array("bytes"), new Uint8Array([1, 2, 255]))
        assert.strictEqual(yield* values.get("bytes"), "AQL/")
        assert.strictEqual(yield* values.get(""), "the empty key")
        assert.strictEqual(yield* values.get("nothing"), undefined)
        assert.strictEqual(yield* values.size, 3)
      })
    )

    check("replaces, whatever the value was before", (values) =>
      Effect.gen(function* () {
        yield* values.set("key", "text")
        yield* values.set("key", new Uint8Array([7]))
        assert.strictEqual(yield* values.get("key"), "Bw==")
        yield* values.set("key", "")
        assert.strictEqual(yield* values.get("key"), "")
        assert.isTrue(yield* values.has("key"))
        assert.strictEqual(yield* values.size, 1)
      })
    )

    check("changes what is there, and only that", (values) =>
      Effect.gen(function* () {
        yield* values.set("count", "1")
        assert.strictEqual(yield* values.modify("count", (text) => `${Number(text) + 1}`), "2")
        assert.strictEqual(yield* values.get("count"), "2")
        assert.strictEqual(yield* values.modify("nothing", (text) => text), undefined)
        yield* values.set("bytes", new Uint8Array([1]))
        assert.deepStrictEqual(yield* values.modifyUint8Array("bytes", ([first = 0]) => new Uint8Array([first + 1])), new Uint8Array([2]))
        assert.isFalse(yield* values.has("nothing"))
      })
    )

    check("removes one, those with a prefix, and all", (values) =>
      Effect.gen(function* () {
        for (const key of ["a/1", "a/2", "ab", "b"]) yield* values.set(key, key)
        yield* values.remove("b")
        yield* values.remove("nothing")
        assert.deepStrictEqual([...(yield* values.keys)].toSorted(), ["a/1", "a/2", "ab"])
        yield* values.clearPrefix("a/")
        assert.deepStrictEqual(yield* values.keys, ["ab"])
        yield* values.clear
        assert.isTrue(yield* values.isEmpty)
      })
    )
  })
}

class Price extends Persistable.Class<{ payload: { readonly sku: string } }>()("Price", {
  primaryKey: ({ sku }) => sku,
  success: Schema.Struct({ cents: Schema.Int, at: Schema.Date }),
  error: Schema.String
}) {}

for (const [name, layer] of [
  ["in memory", Persistence.layer.pipe(Layer.provide(Persistence.layerBackingMemory))],
  ["in Planck", Persistence.layer.pipe(Layer.provide(onPlanck(layerBackingPersistence())))]
] as const) {
  describe(`Persistence ${name}`, () => {
    it.effect("keeps successes and failures by key, apart for each store, and forgets them when their time is over", () =>
      Effect.gen(function* () {
        const persistence = yield* Persistence.Persistence
        const prices = yield* persistence.make({ storeId: "prices", timeToLive: () => Duration.minutes(5) })
        const others = yield* persistence.make({ storeId: "prices:old" })
        const [tea, pot] = [new Price({ sku: "tea" }), new Price({ sku: "pot" })]
        const value = Exit.succeed({ cents: 890, at: new Date(5) })
        yield* prices.set(tea, value)
        yield* prices.set(pot, Exit.fail("sold out"))
        yield* others.set(tea, Exit.fail("long ago"))
        assert.deepStrictEqual(yield* prices.get(tea), value)
        assert.deepStrictEqual(yield* prices.getMany([pot, new Price({ sku: "none" }), tea]), [Exit.fail("sold out"), undefined, value])
        yield* prices.remove(pot)
        assert.strictEqual(yield* prices.get(pot), undefined)
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(yield* prices.get(tea), undefined)
        assert.deepStrictEqual(yield* others.get(tea), Exit.fail("long ago"))
        yield* others.clear
        assert.strictEqual(yield* others.get(tea), undefined)
      }).pipe(Effect.provide(layer))
    )

    it.effect("is what a PersistedCache looks into before it computes", () =>
      Effect.gen(function* () {
        let computed = 0
        const cache = () =>
          PersistedCache.make((_price: Price) => Effect.sync(() => ({ cents: ++computed, at: new Date(0) })), {
            storeId: "prices",
            timeToLive: () => Duration.hours(1)
          })
        const key = new Price({ sku: "tea" })
        assert.strictEqual((yield* (yield* cache()).get(key)).cents, 1)
        assert.strictEqual((yield* (yield* cache()).get(key)).cents, 1)
      }).pipe(Effect.provide(layer))
    )
  })
}

const Mail = Schema.Struct({ to: Schema.String })

for (const [name, store] of [
  ["in memory", PersistedQueue.layerStoreMemory],
  ["in Planck", onPlanck(layerPersistedQueueStore())]
] as const) {
  const layer = PersistedQueue.layer.pipe(Layer.provideMerge(store))
  const check = <A, E>(
    what: string,
    test: (mails: PersistedQueue.PersistedQueue<{ readonly to: string }>) => Effect.Effect<A, E, PersistedQueue.PersistedQueueStore>
  ) =>
    it.effect(what, () =>
      Effect.flatMap(PersistedQueue.make({ name: "mails", schema: Mail, maxAttempts: 2 }), test).pipe(Effect.provide(layer))
    )
  const to = (mails: PersistedQueue.PersistedQueue<{ readonly to: string }>) =>
    mails.take((mail, { attempts }) => Effect.succeed([mail.to, attempts]))

  describe(`PersistedQueue ${name}`, () => {
    check("gives in the order of offering, an id once, and wakes who waits", (mails) =>
      Effect.gen(function* () {
        const first = yield* Effect.forkChild(to(mails))
        yield* Effect.yieldNow
        yield* mails.offer({ to: "ada" }, { id: "1" })
        assert.deepStrictEqual(yield* Fiber.join(first), ["ada", 1])
        yield* mails.offer({ to: "ada again" }, { id: "1" })
        yield* mails.offer({ to: "bob" })
        yield* mails.offer({ to: "cleo" })
        assert.deepStrictEqual(
          [yield* to(mails), yield* to(mails)],
          [
            ["bob", 1],
            ["cleo", 1]
          ]
        )
      })
    )

    check("gives again what failed, later, until it has failed too often; what was interrupted does not count", (mails) =>
      Effect.gen(function* () {
        yield* mails.offer({ to: "ada" })
        const interrupted = yield* Effect.forkChild(mails.take(() => Effect.never))
        yield* Effect.yieldNow
        for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
        yield* Fiber.interrupt(interrupted)
        assert.strictEqual(yield* Effect.flip(mails.take((_mail, { attempts }) => Effect.fail(attempts))), 1)
        const second = yield* Effect.forkChild(Effect.flip(mails.take((_mail, { attempts }) => Effect.fail(attempts))))
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* Fiber.join(second), 2)
        yield* mails.offer({ to: "bob" })
        assert.deepStrictEqual(yield* to(mails), ["bob", 1])
      })
    )

    check("keeps what is delayed until its time", (mails) =>
      Effect.gen(function* () {
        yield* mails.offer({ to: "later" }, { delay: "1 minute" })
        yield* mails.offer({ to: "now" })
        assert.deepStrictEqual(yield* to(mails), ["now", 1])
        const later = yield* Effect.forkChild(to(mails))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* Fiber.join(later), ["later", 1])
        yield* (yield* PersistedQueue.PersistedQueueStore).cleanup({ timeToLive: Duration.zero, failedTimeToLive: Duration.zero })
      })
    )
  })
}

describe("in a database", () => {
  it.effect("what was set, and what was being worked on, is there after a crash", () =>
    Effect.gen(function* () {
      const volume = new Planck.SimulatedVolume({ seed: 5, syncs: "automatic" })
      const layers = (disk: InstanceType<typeof Planck.SimulatedVolume>) =>
        Layer.mergeAll(layerKeyValueStore(), PersistedQueue.layer.pipe(Layer.provide(layerPersistedQueueStore()))).pipe(
          Layer.provide(Planck.layerSimulated({ disk })),
          Layer.fresh
        )
      const left = yield* Effect.gen(function* () {
        yield* (yield* KeyValueStore.KeyValueStore).set("key", "value")
        const mails = yield* PersistedQueue.make({ name: "mails", schema: Mail })
        yield* mails.offer({ to: "ada" })
        return yield* mails.take(() => Effect.sync(() => volume.crash(1)))
      }).pipe(Effect.provide(layers(volume)))
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* (yield* KeyValueStore.KeyValueStore).get("key"), "value")
        const mails = yield* PersistedQueue.make({ name: "mails", schema: Mail })
        assert.deepStrictEqual(yield* mails.take((mail, { attempts }) => Effect.succeed([mail.to, attempts])), ["ada", 2])
      }).pipe(Effect.provide(layers(left)))
    })
  )
})
