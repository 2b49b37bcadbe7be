/** Reads a log as an opening would, and changes nothing. */
import { joinPath, type Volume } from "../Disk/Volume.ts"
import { type Checkpoint, Recovery, type TornTail } from "../Wal/Recovery.ts"
import type { RecordView } from "../Wal/Record.ts"
import { parseSegmentName } from "../Wal/Segment.ts"

/** Which log: its directory and whose it has to be. */
export interface LogPlace {
  readonly volume: Volume
  readonly directory: string
  readonly databaseId: Uint8Array
  readonly timeline: Uint8Array
  /** Only this segment, by its name. */
  readonly segment?: string
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

/** Something in an older segment that is not as it was written. */
export interface OlderProblem {
  readonly file: string
  readonly offset: number
  readonly message: string
}

/**
 * Steps through the segments that an opening at `checkpointLsn` would not read: the older commit of the index file may need them. Each stands
 * for itself, for a crash can bring one back that was removed. Throws the faults of `Recovery`.
 */
export function* checkOlderSegments(place: LogPlace, checkpointLsn: number): Generator<"more", ReadonlyArray<OlderProblem>, number> {
  const { directory, volume } = place
  const problems: Array<OlderProblem> = []
  const segments = (volume.exists(directory) ? volume.list(directory) : []).flatMap((name) => {
    const parsed = parseSegmentName(name)
    return parsed === undefined ? [] : [{ name, firstLsn: parsed.firstLsn }]
  })
  for (const [at, { firstLsn, name }] of segments.entries()) {
    const next = segments[at + 1]
    if (next === undefined || next.firstLsn > checkpointLsn) break
    const { cut, lastLsn } = yield* checkLog({ ...place, segment: name }, { lsn: firstLsn - 1 })
    if (cut !== undefined) problems.push({ file: cut.file, offset: cut.offset, message: "what lies behind the last record is no footer" })
    else if (lastLsn < firstLsn) problems.push({ file: joinPath(directory, name), offset: 0, message: "the segment has no record" })
  }
  return problems
}
