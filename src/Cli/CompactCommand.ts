/** `planck compact`: gives back the space of replaced and removed documents now, also while a server runs. */
import * as Effect from "effect/Effect"
import { Storage } from "../Storage/Storage.ts"
import { findDatabase } from "./Database.ts"
import { onDatabase } from "./OnDatabase.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { counted, sized } from "./Words.ts"

export interface CompactCommandOptions {
  readonly directory: string
  readonly service: string | undefined
  readonly output: Output
}

export const compact = Effect.fn("Cli.compact")(function* ({ directory, output, service }: CompactCommandOptions) {
  const database = yield* findDatabase(directory, service)
  const work = Effect.flatMap(Storage, (storage) => storage.compact)
  const report = yield* onDatabase(database, work, { verb: "compact" }, () => {})
  yield* say(
    output,
    `value log: ${sized(report.bytesBefore)} in ${counted(report.segmentsBefore, "segment")} before, ${sized(report.bytesAfter)} in ${report.segmentsAfter} now`,
    report
  )
})
