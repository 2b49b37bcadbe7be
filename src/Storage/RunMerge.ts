/**
 * Parts of value segments, each in order of (store, key), as one walk in that order.
 *
 * Invariants
 * - The readers lie in a binary heap: none comes before its parent. `current` is the one on top.
 * - `current` counts only when every run is open: until then the lowest entry may be in one that is not.
 */
import { RUN_BUFFER_BYTES, RunBuffers } from "./RunBuffers.ts"
import { compareEntries, RunReader } from "./RunReader.ts"
import { SEGMENT_HEADER_BYTES, type SegmentFile } from "./ValueSegment.ts"

/** A part of a segment whose entries are in order. */
export interface Run {
  readonly source: SegmentFile
  readonly from: number
  readonly until: number
}

/** Runs merged at once: with a buffer for each, what a compaction needs of memory. */
export const RUNS_MAX = 64
export const MERGE_BYTES_MAX = RUNS_MAX * RUN_BUFFER_BYTES

export class RunMerge {
  readonly #heap: Array<RunReader> = []
  readonly #runs: ReadonlyArray<Run>
  readonly #buffers: RunBuffers
  #opened = 0

  /** At most RUNS_MAX runs, none of which is open yet. */
  constructor(runs: ReadonlyArray<Run>, buffers: RunBuffers) {
    this.#runs = runs
    this.#buffers = buffers
  }

  /** A walk over at most RUNS_MAX runs, all of them open. */
  static of(runs: ReadonlyArray<Run>): RunMerge {
    const merge = new RunMerge(runs, new RunBuffers())
    while (merge.openNext());
    return merge
  }

  /** Opens another run, which reads RUN_BUFFER_BYTES of it; false when all are open. */
  openNext(): boolean {
    const run = this.#runs[this.#opened]
    if (run === undefined) return false
    this.#opened++
    const reader = new RunReader(run.source, run.from, run.until, this.#buffers)
    if (reader.move(false)) {
      this.#heap.push(reader)
      this.#rise(this.#heap.length - 1)
    } else reader.end()
    return true
  }

  /** The reader on the entry that comes next; undefined at the end. */
  get current(): RunReader | undefined {
    return this.#heap[0]
  }

  advance(): void {
    const heap = this.#heap
    const top = heap[0]!
    if (!top.move(false)) {
      top.end()
      const last = heap.pop()!
      if (heap.length === 0) return
      if (last !== top) heap[0] = last
    }
    this.#sink()
  }

  #rise(from: number): void {
    const heap = this.#heap
    for (let index = from; index > 0;) {
      const parent = (index - 1) >>> 1
      if (compareEntries(heap[index]!, heap[parent]!) >= 0) return
      this.#swap(index, parent)
      index = parent
    }
  }

  #sink(): void {
    const heap = this.#heap
    for (let index = 0; ;) {
      let least = index
      for (let child = 2 * index + 1; child <= 2 * index + 2 && child < heap.length; child++) {
        if (compareEntries(heap[child]!, heap[least]!) < 0) least = child
      }
      if (least === index) return
      this.#swap(index, least)
      index = least
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap
    const kept = heap[a]!
    heap[a] = heap[b]!
    heap[b] = kept
  }
}

/**
 * Reads a segment from its first entry to its last, checks every one, and finds the parts that are in order. Yields what it has read, in
 * bytes, now and then. Faults with StorageDamaged.
 */
export function* findRuns(source: SegmentFile, buffers: RunBuffers = new RunBuffers()): Generator<number, ReadonlyArray<Run>, void> {
  const runs: Array<Run> = []
  const ahead = new RunReader(source, SEGMENT_HEADER_BYTES, source.lengthBytes, buffers)
  const behind = new RunReader(source, SEGMENT_HEADER_BYTES, source.lengthBytes, buffers)
  let from = SEGMENT_HEADER_BYTES
  let reported = from
  let isFirst = true
  while (ahead.move(true)) {
    if (!isFirst && behind.move(false) && compareEntries(behind, ahead) >= 0) {
      runs.push({ source, from, until: ahead.offset })
      from = ahead.offset
    }
    isFirst = false
    if (ahead.next - reported < RUN_BUFFER_BYTES) continue
    yield ahead.next - reported
    reported = ahead.next
  }
  ahead.end()
  behind.end()
  if (from < source.lengthBytes) runs.push({ source, from, until: source.lengthBytes })
  return runs
}
