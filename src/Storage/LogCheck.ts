/** Reads a log as an opening would, and changes nothing. */
import type { Volume } from "../Disk/Volume.ts"
import { type Checkpoint, Recovery, type TornTail } from "../Wal/Recovery.ts"
import type { RecordView } from "../Wal/Record.ts"

/** Which log: its directory and whose it has to be. */
export interface LogPlace {
  readonly volume: Volume
  readonly directory: string
  readonly databaseId: Uint8Array
  readonly timeline: Uint8Array
}

const NEVER = (): never => {
  throw new Error("a log that is only read makes no segment")
}

/**
 * Steps through a log from a checkpoint on; each step is told how many bytes it may work on. Hands every record to `apply` and gives the
 * newest LSN and the torn tail, if there is one. Throws the faults of `Recovery`.
 */
export function* checkLog(
  place: LogPlace,
  checkpoint: Checkpoint,
  apply: (record: RecordView) => void = () => {}
): Generator<"more", { readonly lastLsn: number; readonly cut?: TornTail }, number> {
  const options = { ...place, now: NEVER, random: NEVER, schedule: NEVER, report: NEVER }
  if (!place.volume.exists(place.directory)) return { lastLsn: checkpoint.lsn }
  const recovery = new Recovery(options, checkpoint, apply, "read")
  let budgetBytes = yield "more"
  while (recovery.step(budgetBytes) !== "done") budgetBytes = yield "more"
  return recovery.report
}
