/** Where the bytes of a database's files are. */
import { joinPath, type Volume } from "../Disk/Volume.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import { PAGE_BYTES } from "../Index/Layout.ts"
import { COPY_NAME, SPARE_NAME } from "../Wal/Options.ts"
import { parseSegmentName } from "../Wal/Segment.ts"
import { readSegments } from "./CatalogFile.ts"
import type { DirectoryNames } from "./Directory.ts"
import { isSetAside } from "./RepairSwap.ts"
import { segmentName } from "./ValueLog.ts"

/** Bytes by what they are for; together they are the size of the directory, without what is not Planck's. */
export interface Space {
  /** The index file, with the copy of its definitions. */
  readonly indexBytes: number
  /** Of the index file: pages that are free and written to again. */
  readonly freeIndexBytes: number
  readonly valueBytes: number
  /** Of the value log: documents as they are now. The rest is older versions, tombstones and headers. */
  readonly liveValueBytes: number
  readonly logBytes: number
  /** What keeps room on the disk for a compaction. */
  readonly reserveBytes: number
  /** What a flush or a segment in the making left behind; the next opening removes it. */
  readonly unfinishedBytes: number
  /** Files that repairs have left: damaged ones under another name, and documents that were set aside. Nobody needs them but you. */
  readonly setAside: ReadonlyArray<string>
  /** Files that Planck did not make, in the directories where it keeps its own. */
  readonly strangers: ReadonlyArray<string>
}

/** Files of the database's own directory, besides those in `DirectoryNames`. */
const OTHER_NAMES: ReadonlySet<string> = new Set(["LOCK", "LOCK-journal", "LOCK.owner", "modules", "control.sock"])

/** Adds up the files of a database; `liveValueBytes` is what its primary trees lead to. */
export function measureSpace(volume: Volume, names: DirectoryNames, index: IndexFile | undefined, liveValueBytes: number): Space {
  const version = index?.current()
  const committed = new Map<string, number>()
  if (index !== undefined && version !== undefined) {
    for (const { segment, lengthBytes } of tryRead(() => readSegments(index, version))) committed.set(segmentName(segment), lengthBytes)
  }
  const space = {
    indexBytes: sizeOf(volume, names.index) + sizeOf(volume, names.definitions),
    freeIndexBytes: 0,
    valueBytes: 0,
    liveValueBytes,
    logBytes: 0,
    reserveBytes: sizeOf(volume, names.reserve),
    unfinishedBytes: 0
  }
  if (version !== undefined) space.freeIndexBytes = version.meta.freePages * PAGE_BYTES
  space.unfinishedBytes += sizeOf(volume, names.newIndex) + sizeOf(volume, names.newDefinitions)
  const setAside: Array<string> = []
  const strangers: Array<string> = []
  const noteOther = (path: string): void => void (isSetAside(path) ? setAside : strangers).push(path)
  for (const name of namesIn(volume, names.values)) {
    const path = joinPath(names.values, name)
    const bytes = sizeOf(volume, path)
    const kept = Math.min(bytes, committed.get(name) ?? 0)
    if (!name.endsWith(".values")) noteOther(path)
    else {
      space.valueBytes += kept
      space.unfinishedBytes += bytes - kept
    }
  }
  for (const name of namesIn(volume, names.log)) {
    const path = joinPath(names.log, name)
    if (parseSegmentName(name) !== undefined) space.logBytes += sizeOf(volume, path)
    else if (name === SPARE_NAME || name === COPY_NAME) space.unfinishedBytes += sizeOf(volume, path)
    else noteOther(path)
  }
  const own = new Set(Object.values(names))
  for (const name of namesIn(volume, names.directory)) {
    const path = joinPath(names.directory, name)
    if (!own.has(path) && !OTHER_NAMES.has(name)) noteOther(path)
  }
  return { ...space, setAside, strangers }
}

function namesIn(volume: Volume, directory: string): ReadonlyArray<string> {
  return volume.exists(directory) ? volume.list(directory) : []
}

function sizeOf(volume: Volume, path: string): number {
  if (!volume.exists(path)) return 0
  const file = volume.open(path, "read")
  try {
    return file.size()
  } finally {
    file.close()
  }
}

/** What cannot be read was reported where it was read first. */
function tryRead<T>(read: () => ReadonlyArray<T>): ReadonlyArray<T> {
  try {
    return read()
  } catch {
    return []
  }
}
