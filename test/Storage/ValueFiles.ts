/** What somebody finds who has only the value segments: every entry of every file, and for each key the newest one. */
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { joinPath } from "../../src/Disk/Volume.ts"
import { SEGMENT_HEADER_BYTES, VALUE_HEADER_BYTES, valueBytes } from "../../src/Storage/ValueSegment.ts"

export interface FoundValue {
  readonly segment: string
  readonly store: number
  readonly isPut: boolean
  readonly lsn: number
  /** In hex. */
  readonly key: string
  readonly bytes: Uint8Array
}

export function readValueFiles(volume: SimulatedVolume, directory: string): Array<FoundValue> {
  const found: Array<FoundValue> = []
  for (const segment of volume.list(directory)) {
    const file = volume.open(joinPath(directory, segment), "read")
    const bytes = new Uint8Array(file.size())
    file.readAt(0, bytes)
    file.close()
    const view = new DataView(bytes.buffer)
    for (let at = SEGMENT_HEADER_BYTES; at + VALUE_HEADER_BYTES <= bytes.length;) {
      const length = view.getUint32(at, true)
      const kind = bytes[at + 12]!
      if (kind === 0 || at + valueBytes(length) > bytes.length) break
      found.push({
        segment,
        store: view.getUint32(at + 8, true),
        isPut: kind === 1,
        lsn: view.getUint32(at + 16, true),
        key: Buffer.from(bytes.subarray(at + 24, at + 40)).toString("hex"),
        bytes: bytes.slice(at + VALUE_HEADER_BYTES, at + VALUE_HEADER_BYTES + length)
      })
      at += valueBytes(length)
    }
  }
  return found
}

/** The documents that the newest entries say there are, by store and key. */
export function newestDocuments(found: ReadonlyArray<FoundValue>): Map<string, Uint8Array> {
  const newest = new Map<string, FoundValue>()
  for (const value of found) {
    const name = `${value.store}/${value.key}`
    const known = newest.get(name)
    if (known === undefined || known.lsn < value.lsn) newest.set(name, value)
  }
  return new Map([...newest].filter(([, value]) => value.isPut).map(([name, value]) => [name, value.bytes]))
}
