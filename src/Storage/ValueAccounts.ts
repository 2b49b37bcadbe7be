/**
 * What every value segment holds, to the byte: values that a tree names, tombstones, and the rest, which is dead.
 *
 * Invariants
 * - A value is live as long as any root of its primary tree names its place. Accounts change with the trees: what a transaction of the index
 *   file does to them is kept or undone with it.
 * - `deadLsnMin` is a bound: no dead document of the segment was written before it. A tombstone may go when no other segment has a dead
 *   document from before it; until then a repair from the segments alone would bring that document back.
 */
import { readUint64, writeUint64 } from "../Wal/Record.ts"
import { Location } from "./TreeSource.ts"
import { VALUE_HEADER_BYTES, valueBytes } from "./ValueSegment.ts"

/** One segment. Bytes are those of whole entries, header and padding included. */
export interface ValueAccount {
  readonly liveBytes: number
  readonly tombstoneBytes: number
  /** Infinity when nothing in it is dead. */
  readonly deadLsnMin: number
  /** The newest tombstone, 0 when there is none. */
  readonly tombstoneLsnMax: number
}

export const ACCOUNT_BYTES = 32

const EMPTY: ValueAccount = { liveBytes: 0, tombstoneBytes: 0, deadLsnMin: Infinity, tombstoneLsnMax: 0 }
/** No LSN is 0, so it stands for "nothing is dead" on disk. */
const NOTHING_DEAD = 0

type Mutable = { -readonly [Name in keyof ValueAccount]: ValueAccount[Name] }

export class ValueAccounts {
  readonly #accounts = new Map<number, Mutable>()
  /** The segments the open transaction has changed, as they were before. */
  readonly #before = new Map<number, ValueAccount | undefined>()
  /** Segments whose account in the index file is not this one. */
  readonly #unwritten = new Set<number>()
  readonly #location = new Location()

  /** Whether the accounts cover everything in the segments; if not, they have to be counted anew before anything is written. */
  isComplete = false

  /** The account of a segment. */
  of(segment: number): ValueAccount {
    return this.#accounts.get(segment) ?? EMPTY
  }

  /** The segments whose account the next commit has to write. */
  get unwritten(): Iterable<number> {
    return this.#unwritten
  }

  /** An account as it was kept or counted. */
  restore(segment: number, account: ValueAccount): void {
    this.#accounts.set(segment, { ...account })
  }

  /** Accounts that were counted anew, because there were none that could be trusted. */
  recount(counted: ReadonlyMap<number, ValueAccount>): void {
    for (const [segment, account] of counted) {
      this.restore(segment, account)
      this.#unwritten.add(segment)
    }
    this.isComplete = true
  }

  /** A document of `length` bytes was written to a segment and will be named. */
  addValue(segment: number, length: number): void {
    this.#change(segment).liveBytes += valueBytes(length)
  }

  addTombstone(segment: number, lsn: number): void {
    const account = this.#change(segment)
    account.tombstoneBytes += VALUE_HEADER_BYTES
    account.tombstoneLsnMax = Math.max(account.tombstoneLsnMax, lsn)
  }

  /** The tree that named a location does so no longer. */
  readonly replaced = (bytes: Uint8Array, at: number): void => {
    const location = this.#location
    location.read(bytes, at)
    // A root may still name, below a newer one, what was in a segment that has been removed meanwhile.
    if (!this.#accounts.has(location.segment)) return
    const account = this.#change(location.segment)
    account.liveBytes -= valueBytes(location.length)
    account.deadLsnMin = Math.min(account.deadLsnMin, location.lsn)
  }

  /** What the open transaction did is on disk. */
  commit(): void {
    this.#before.clear()
    this.#unwritten.clear()
  }

  abort(): void {
    for (const [segment, account] of this.#before) {
      if (account === undefined) this.#accounts.delete(segment)
      else this.#accounts.set(segment, { ...account })
    }
    this.#before.clear()
  }

  /** The segment's file is gone for good. */
  forget(segment: number): void {
    this.#accounts.delete(segment)
  }

  #change(segment: number): Mutable {
    let account = this.#accounts.get(segment)
    this.#unwritten.add(segment)
    if (!this.#before.has(segment)) this.#before.set(segment, account === undefined ? undefined : { ...account })
    if (account === undefined) this.#accounts.set(segment, (account = { ...EMPTY }))
    return account
  }
}

/** liveBytes u64, tombstoneBytes u64, deadLsnMin u64 (0: nothing), tombstoneLsnMax u64; little-endian. */
export function encodeAccount(account: ValueAccount): Uint8Array {
  const bytes = new Uint8Array(ACCOUNT_BYTES)
  const view = new DataView(bytes.buffer)
  writeUint64(view, 0, account.liveBytes)
  writeUint64(view, 8, account.tombstoneBytes)
  writeUint64(view, 16, account.deadLsnMin === Infinity ? NOTHING_DEAD : account.deadLsnMin)
  writeUint64(view, 24, account.tombstoneLsnMax)
  return bytes
}

export function decodeAccount(bytes: Uint8Array): ValueAccount {
  const view = new DataView(bytes.buffer, bytes.byteOffset, ACCOUNT_BYTES)
  const deadLsnMin = readUint64(view, 16)
  return {
    liveBytes: readUint64(view, 0),
    tombstoneBytes: readUint64(view, 8),
    deadLsnMin: deadLsnMin === NOTHING_DEAD ? Infinity : deadLsnMin,
    tombstoneLsnMax: readUint64(view, 24)
  }
}
