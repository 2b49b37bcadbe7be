/** What a running database says of itself, in words. */
import type { Status } from "../Storage/Status.ts"
import { counted, sized } from "./Words.ts"

const STATES: Readonly<Record<Status["admission"], string>> = {
  open: "reads and writes",
  wait: "reads and writes; writers wait for a flush",
  full: "reads; the disk is full",
  poisoned: "reads; a write failed, and only a restart can tell what is on disk",
  closed: "closing"
}

/** The lines for a database that `directory` has. */
export function describeStatus(directory: string, status: Status): string {
  const { builds, holds, lastLsn, snapshots, values } = status
  const held = holds.map(
    ({ ageMs, ageMsMax, bytesMax, keptBytes, lsn, name }) =>
      `  ${name}: from LSN ${lsn + 1}, ${sized(keptBytes)}${bytesMax === undefined ? "" : ` of at most ${sized(bytesMax)}`}` +
      (ageMsMax === undefined ? "" : `, moved ${seconds(ageMs)} ago, broken after ${seconds(ageMsMax)}`)
  )
  return [
    `${directory} is open and takes ${STATES[status.admission]}`,
    `LSN ${lastLsn}; ${status.durableLsn} on disk, ${status.shownLsn} shown, ${status.checkpointLsn} in index file and value log`,
    `memory: ${sized(status.memtableBytes)} in the memtable, ${counted(status.frozenMemtables, "memtable")} waiting for a flush`,
    `of the process, with ${counted(status.memory.databases, "database")}: ${describeMemory(status.memory)}`,
    `value log: ${counted(values.segments, "segment")}, ${sized(values.totalBytes)}, of which ${sized(values.deadBytes)} lost and ${sized(values.condemnedBytes)} kept for readers`,
    "keeps the log",
    ...held,
    ...(snapshots.length === 0 ? [] : ["keeps documents"]),
    ...snapshots.map(({ ageMs, lsn }) => `  snapshot at LSN ${lsn}, ${seconds(ageMs)} old`),
    ...builds.map((it) => `building index ${it.store}.${it.index}: ${it.phase}, ${it.documents} of about ${it.documentsExpected}`)
  ].join("\n")
}

/** What is held of each kind of memory, of how much. */
function describeMemory({ indexPages, memtables, places, staging, values }: Status["memory"]): string {
  const kinds = { memtables, "index pages": indexPages, documents: values, places, "waiting for the log": staging }
  return Object.entries(kinds)
    .map(([kind, { bytesMax, heldBytes }]) => `${kind} ${sized(heldBytes)} of ${sized(bytesMax)}`)
    .join(", ")
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
