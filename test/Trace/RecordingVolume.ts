/**
 * A volume that writes down what it is asked to change, in order, and hands everything on to another one. Whoever answers clients writes into
 * the same trace, so it shows what was on disk when an answer left.
 *
 * Invariants
 * - An event stands in the trace before its effect, the end of a sync before anyone hears of it. So whatever follows from an event stands
 *   behind it.
 * - What failed is not in the trace: a recorded life is one on a sound disk.
 */
import type { DirectoryLock, File, OpenMode, SyncDone, Volume } from "../../src/Disk/Volume.ts"

/** One thing that happened. `handle` and `sync` are numbers that are given once. */
export type TraceEvent =
  | { readonly kind: "open"; readonly path: string; readonly mode: OpenMode; readonly handle: number }
  | { readonly kind: "write"; readonly handle: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly handle: number; readonly sizeBytes: number }
  | { readonly kind: "truncateAndSync"; readonly handle: number; readonly sizeBytes: number; readonly sync: number }
  | { readonly kind: "sync"; readonly handle: number; readonly sync: number }
  | { readonly kind: "syncDirectory"; readonly path: string; readonly sync: number }
  /** A sync has returned. */
  | { readonly kind: "synced"; readonly sync: number }
  | { readonly kind: "makeDirectory" | "remove"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  /** A request has come, and the first byte of its answer is about to leave. */
  | { readonly kind: "request"; readonly id: string }
  | { readonly kind: "answer"; readonly id: string; readonly status: number; readonly body: string }

/** The trace of one process. */
export class Trace {
  readonly events: Array<TraceEvent> = []
  #last = 0

  number(): number {
    return ++this.#last
  }

  add(event: TraceEvent): void {
    this.events.push(event)
  }
}

/** Takes an event back when what it stands for throws. */
function recorded<A>(trace: Trace, event: TraceEvent, work: () => A): A {
  trace.add(event)
  try {
    return work()
  } catch (error) {
    // Nothing came between: all of this is synchronous.
    trace.events.pop()
    throw error
  }
}

class RecordingFile implements File {
  readonly #inner: File
  readonly #trace: Trace
  readonly #handle: number

  constructor(inner: File, trace: Trace, handle: number) {
    this.#inner = inner
    this.#trace = trace
    this.#handle = handle
  }

  get path(): string {
    return this.#inner.path
  }

  size(): number {
    return this.#inner.size()
  }

  readAt(offset: number, into: Uint8Array): number {
    return this.#inner.readAt(offset, into)
  }

  writeAt(offset: number, bytes: Uint8Array): void {
    const event = { kind: "write", handle: this.#handle, offset, bytes: bytes.slice() } as const
    recorded(this.#trace, event, () => this.#inner.writeAt(offset, bytes))
  }

  truncate(sizeBytes: number): void {
    recorded(this.#trace, { kind: "truncate", handle: this.#handle, sizeBytes }, () => this.#inner.truncate(sizeBytes))
  }

  syncData(done: SyncDone): void {
    const sync = this.#trace.number()
    recorded(this.#trace, { kind: "sync", handle: this.#handle, sync }, () => this.#inner.syncData(ending(this.#trace, sync, done)))
  }

  truncateAndSync(sizeBytes: number, done: SyncDone): void {
    const sync = this.#trace.number()
    const event = { kind: "truncateAndSync", handle: this.#handle, sizeBytes, sync } as const
    recorded(this.#trace, event, () => this.#inner.truncateAndSync(sizeBytes, ending(this.#trace, sync, done)))
  }

  close(): void {
    this.#inner.close()
  }
}

const ending =
  (trace: Trace, sync: number, done: SyncDone): SyncDone =>
  (fault) => {
    if (fault === undefined) trace.add({ kind: "synced", sync })
    done(fault)
  }

/** A volume over another one. */
export class RecordingVolume implements Volume {
  readonly #inner: Volume
  readonly #trace: Trace

  constructor(inner: Volume, trace: Trace) {
    this.#inner = inner
    this.#trace = trace
  }

  open(path: string, mode: OpenMode): File {
    const handle = this.#trace.number()
    const file = recorded(this.#trace, { kind: "open", path, mode, handle }, () => this.#inner.open(path, mode))
    return new RecordingFile(file, this.#trace, handle)
  }

  exists(path: string): boolean {
    return this.#inner.exists(path)
  }

  list(directory: string): Array<string> {
    return this.#inner.list(directory)
  }

  makeDirectory(path: string): void {
    recorded(this.#trace, { kind: "makeDirectory", path }, () => this.#inner.makeDirectory(path))
  }

  rename(from: string, to: string): void {
    recorded(this.#trace, { kind: "rename", from, to }, () => this.#inner.rename(from, to))
  }

  remove(path: string): void {
    recorded(this.#trace, { kind: "remove", path }, () => this.#inner.remove(path))
  }

  syncDirectory(directory: string, done: SyncDone): void {
    const sync = this.#trace.number()
    const event = { kind: "syncDirectory", path: directory, sync } as const
    recorded(this.#trace, event, () => this.#inner.syncDirectory(directory, ending(this.#trace, sync, done)))
  }

  lock(directory: string): DirectoryLock {
    return this.#inner.lock(directory)
  }
}
