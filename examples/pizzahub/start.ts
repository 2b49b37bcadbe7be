/**
 * `npm start`: the shop as an Effect program that embeds Planck. It builds the service, opens its database, fills the catalogue the first
 * time, and serves until it is asked to stop.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { Decimal128 } from "../../src/Bson/Value.ts"
import { build } from "../../src/Build/Build.ts"
import { Config, resolvePath } from "../../src/Config/Config.ts"
import { Disk } from "../../src/Disk/Disk.ts"
import { Query } from "../../src/Query/Query.ts"
import { Server } from "../../src/Server.ts"
import { catalogue } from "./catalogue.ts"

const folder = import.meta.dirname

const products = catalogue.flatMap(({ id, products }) => products.map(([name, cents]) => ({ category: id, name, cents })))

/** Puts the catalogue into the stores, in one transaction, unless it is there. */
const fill = Effect.gen(function* () {
  const query = yield* Query
  if ((yield* query.count({ kind: "count", store: "categories" })) > 0) return
  yield* query.transact((transaction) => {
    const categories = catalogue.map(({ id, name, description }) => ({ _id: id, name, description }))
    transaction.insert("categories", categories)
    transaction.insert(
      "products",
      products.map(({ category, name, cents }, index) => ({
        _id: index + 1,
        category,
        name,
        words: name
          .toLowerCase()
          .split(/[^\p{L}\p{N}]+/u)
          .filter(Boolean),
        price: Decimal128.fromString((cents / 100).toFixed(2))
      }))
    )
  })
  yield* Console.log(`filled the shop with ${catalogue.length} categories and ${products.length} products`)
})

/** Says in one line why there is no shop. */
const complain = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const error = Cause.squash(cause)
  return Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(`planck: ${error instanceof Error ? error.message : String(error)}`)
}

const shop = Effect.gen(function* () {
  const built = yield* build(folder)
  const configuration = yield* Config
  const server = Server.layer({
    directory: resolvePath(configuration, configuration.settings.dir),
    service: built.manifest.name,
    settings: configuration.settings
  })
  yield* Effect.gen(function* () {
    const { deploy, url } = yield* Server
    yield* deploy(built.file)
    yield* fill
    yield* Console.log(`PizzaHub is open: ${url}`)
    return yield* Effect.never
  }).pipe(Effect.provide(Query.layer().pipe(Layer.provideMerge(server))))
}).pipe(
  Effect.provide(Config.layer({ directory: folder, environment: process.env })),
  Effect.provide(Disk.layer),
  Effect.tapCause(complain)
)

// A launcher that is killed outright closes its channel: stop as at a signal, so that no orphan keeps the directory locked.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"))
process.channel?.unref?.()

NodeRuntime.runMain(shop, {
  disableErrorReporting: true,
  teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
})
