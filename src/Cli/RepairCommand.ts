/** `planck repair`: makes a damaged database whole from what can be read of it, after saying what is lost and asking. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { createInterface } from "node:readline/promises"
import { Disk } from "../Disk/Disk.ts"
import type { RepairReport, RepairedStore } from "../Storage/RepairReport.ts"
import { Storage } from "../Storage/Storage.ts"
import { findDatabase } from "./Database.ts"
import { Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { withProgress } from "./Progress.ts"
import { problems } from "./VerifyCommand.ts"
import { counted, sized } from "./Words.ts"

export interface RepairCommandOptions {
  readonly directory: string
  readonly service: string | undefined
  /** Changes nothing. */
  readonly isDry: boolean
  /** Does not ask. */
  readonly isSure: boolean
  readonly keepsUncertain: boolean
  readonly output: Output
}

export const repair = Effect.fn("Cli.repair")(function* (options: RepairCommandOptions) {
  const { keepsUncertain, output } = options
  const directory = yield* findDatabase(options.directory, options.service)
  const before = yield* checked(directory, output)
  if (before.problemCount === 0) {
    return yield* say(output, `${directory}: no problem found, nothing to repair`, { isDone: false, problemCount: 0 })
  }
  const decide = (report: RepairReport) =>
    Effect.gen(function* () {
      if (!output.json) yield* Console.log(describe(directory, report))
      return !options.isDry && (options.isSure || (yield* asked(output)))
    })
  const { isDone, report } = yield* withProgress("repair", output, (onProgress) =>
    Storage.repair(directory, { decide, keepsUncertain, onProgress })
  ).pipe(Effect.provide(Disk.layer))
  if (!isDone) {
    yield* say(output, "nothing was changed", { isDone, report })
    if (options.isDry) return
    return yield* new Failure({ code: "NotConfirmed", message: `${directory} is still damaged: repair it with --yes` })
  }
  yield* build(directory)
  const after = yield* checked(directory, output)
  if (after.problemCount > 0) return yield* problems(directory, after)
  const kept = report === undefined ? "" : `; the damaged files stay as *${suffixOf(report)} until you remove them`
  const human = `repaired ${directory}: ${counted(after.documents, "document")}, no problem found${kept}`
  yield* say(output, human, { isDone, report, documents: after.documents })
})

const checked = (directory: string, output: Output) =>
  withProgress("verify", output, (onProgress) => Storage.verify(directory, onProgress)).pipe(Effect.provide(Disk.layer))

/** Opens what was repaired, and waits until its indexes are built. */
const build = (directory: string) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.defineStores(storage.engine.stores().map((it) => it.definition))
    yield* storage.flush
  }).pipe(Effect.provide(Storage.layer({ directory })), Effect.provide(Disk.layer))

/** Whether somebody at a terminal says yes. */
const asked = ({ json }: Output): Effect.Effect<boolean> =>
  Effect.promise(async () => {
    if (json || process.stdin.isTTY !== true) return false
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return /^y(es)?$/i.test((await terminal.question("Repair it? The damaged files stay under other names. [y/N] ")).trim())
    } finally {
      terminal.close()
    }
  })

function suffixOf({ setAside }: RepairReport): string {
  return /\.damaged-\d+$/.exec(setAside[0] ?? "")?.[0] ?? ".damaged"
}

/** What a repair would make of a database, for a person. */
function describe(directory: string, report: RepairReport): string {
  const { isLogMissing, log, lostStores, lsn, stores, tornTail, values } = report
  return [
    `${directory} can be repaired to LSN ${lsn}`,
    ...stores.map(describeStore),
    ...lostStores.map(
      ({ documents, file, id }) => `store number ${id}: its definition is lost; ${counted(documents, "document")} set aside in ${file}`
    ),
    ...values.map(({ bytes, file, message, offset }) => `${file}:${offset}: ${sized(bytes)} of the value log cannot be read: ${message}`),
    ...log.map(
      ({ bytes, file, fromLsn, offset, toLsn }) =>
        `${file}:${offset}: ${sized(bytes)} of the log cannot be read: what commits ${fromLsn} to ${toLsn} changed is lost`
    ),
    ...(isLogMissing ? ["the log is gone: what was committed behind the index file is lost, if there was anything"] : []),
    ...(tornTail === undefined
      ? []
      : [`${tornTail.file}:${tornTail.offset}: commits ${tornTail.fromLsn} to ${tornTail.toLsn} were never acknowledged and are left out`]),
    report.isWhole ? "nothing is lost" : "the rest is as it was"
  ].join("\n")
}

function describeStore({ documents, from, lost, name, uncertain }: RepairedStore): string {
  const where = from === "index" ? "" : ", found in value log and log"
  const more = lost.count - lost.listed.length
  return [
    `store ${name}: ${counted(documents, "document")}${where}`,
    ...lost.listed.map(({ file, key, offset }) => `  lost: ${key}, at ${file}:${offset}`),
    ...(more > 0 ? [`  lost: ${more} more`] : []),
    ...(uncertain.count > 0
      ? [`  ${counted(uncertain.count, "document")} may have been removed or replaced: set aside in ${uncertain.file}`]
      : [])
  ].join("\n")
}
