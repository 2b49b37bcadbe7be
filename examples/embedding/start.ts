/** `node scripts/run.mjs examples/embedding/start.ts [directory]`: one day in the warehouse, on a directory of this machine. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Planck from "@planckdb/planck"
import { day, stores } from "./warehouse.ts"

const directory = process.argv[2] ?? "data/warehouse"

const program = Effect.flatMap(day, ({ status, cents, sent }) =>
  Console.log(`the order is ${status} and costs ${cents} cents; orders sent so far: ${sent}`)
)

NodeRuntime.runMain(program.pipe(Effect.provide(Planck.layer({ directory, stores }))))
