/**
 * What the clients of the ledger know, and what a database that comes back may therefore hold. Shares nothing with the engine.
 *
 * Invariants
 * - The writes of one entry are numbered from 1 on (its versions, deletions included), and each begins only when the one before is over.
 * - `floor` is the newest version that anyone outside was told of or shown: no crash may take it back. `issued` is the newest that was
 *   asked for: nothing above it can be there. Whatever is found has to be one of the states between the two, whole.
 */

/** A write of an entry as it was asked for: its text has that many bytes, or it is gone. */
export interface Written {
  readonly version: number
  readonly textBytes: number | "deleted"
}

/** An entry as it is found in the database. */
export interface Entry {
  readonly _id: number
  readonly version: number
  readonly label: string
  readonly text: string
}

/** Everything that is found in the database after a crash. */
export interface Found {
  readonly entries: ReadonlyArray<Entry>
  readonly marks: ReadonlyArray<{ readonly _id: number; readonly version: number }>
  readonly claims: ReadonlyArray<{ readonly _id: number; readonly name: string }>
}

/** What differs from what was promised. */
export class Difference extends Error {
  override readonly name = "Difference"
}

interface EntryHistory {
  readonly written: Map<number, Written>
  floor: number
  issued: number
}

interface ClaimHistory {
  /** Who asked for the name, refused ones excepted. */
  readonly candidates: Set<number>
  /** Somebody was told that the name is taken. */
  isTaken: boolean
  owner: number | undefined
}

const NEVER: Written = { version: 0, textBytes: "deleted" }

/** The label and text that version `version` of entry `id` has: made of the numbers, so that a mixture of two versions is noticed. */
export function contentOf(id: number, version: number, textBytes: number): { readonly label: string; readonly text: string } {
  const pattern = `${id}.${version}|`
  return { label: `entry-${id}-${version}`, text: pattern.repeat(Math.ceil(textBytes / pattern.length)).slice(0, textBytes) }
}

export class Journal {
  readonly #entries = new Map<number, EntryHistory>()
  readonly #claims = new Map<string, ClaimHistory>()

  /** The newest version of an entry that was asked for. */
  issued(id: number): number {
    return this.#entry(id).issued
  }

  /** The newest version of an entry that nothing may take back. */
  floor(id: number): number {
    return this.#entry(id).floor
  }

  /** A write of an entry is on its way. */
  begins(id: number, written: Written): void {
    const entry = this.#entry(id)
    if (written.version !== entry.issued + 1) throw new Error(`version ${written.version} of entry ${id} follows ${entry.issued}`)
    entry.written.set(written.version, written)
    entry.issued = written.version
  }

  /** It was acknowledged. */
  acknowledged(id: number, version: number): void {
    const entry = this.#entry(id)
    entry.floor = Math.max(entry.floor, version)
  }

  /** It was given up and rolled back, and the client told so. */
  rolledBack(id: number, version: number): void {
    const entry = this.#entry(id)
    if (version !== entry.issued || version <= entry.floor)
      throw new Difference(`version ${version} of entry ${id} was seen, and rolled back`)
    entry.written.delete(version)
    entry.issued--
  }

  /** Somebody was shown an entry (or that there is none), having asked when its floor was `floorBefore`. */
  seen(id: number, found: Entry | undefined, floorBefore: number): void {
    const entry = this.#entry(id)
    const version = this.#match(entry, floorBefore, found)
    if (version === undefined) {
      throw new Difference(`a reader was shown ${describe(found)} as entry ${id}, whose versions were ${floorBefore} to ${entry.issued}`)
    }
    entry.floor = Math.max(entry.floor, version)
  }

  /** A name is claimed. */
  claims(id: number, name: string): void {
    this.#claim(name).candidates.add(id)
  }

  /** The claim was acknowledged. */
  claimed(id: number, name: string): void {
    const claim = this.#claim(name)
    if (claim.owner !== undefined && claim.owner !== id) throw new Difference(`${name} was given to ${claim.owner} and to ${id}`)
    claim.owner = id
  }

  /** The claim was given up and rolled back. */
  unclaimed(id: number, name: string): void {
    this.#claim(name).candidates.delete(id)
  }

  /** The claim was refused because somebody else has the name. */
  refused(id: number, name: string): void {
    const claim = this.#claim(name)
    claim.candidates.delete(id)
    claim.isTaken = true
    if (claim.owner === id || claim.candidates.size === 0)
      throw new Difference(`${id} was refused ${name}, which nobody else has asked for`)
  }

  /** Compares with what came back. Throws the first `Difference`; changes nothing. */
  check(found: Found): void {
    const marks = new Map(found.marks.map(({ _id, version }) => [_id, version]))
    const entries = new Map(found.entries.map((entry) => [entry._id, entry]))
    for (const id of new Set([...this.#entries.keys(), ...entries.keys(), ...marks.keys()])) {
      this.#checkEntry(id, entries.get(id), marks.get(id) ?? 0)
    }
    this.#checkClaims(found.claims)
  }

  /** Compares, and takes what came back for the truth: whatever was on its way has happened or never will. */
  recovered(found: Found): void {
    this.check(found)
    const marks = new Map(found.marks.map(({ _id, version }) => [_id, version]))
    for (const [id, entry] of this.#entries) {
      entry.issued = entry.floor = marks.get(id) ?? 0
      const now = entry.written.get(entry.issued)
      entry.written.clear()
      if (now !== undefined) entry.written.set(now.version, now)
    }
    this.#claims.clear()
    for (const { _id, name } of found.claims) this.#claims.set(name, { candidates: new Set([_id]), isTaken: true, owner: _id })
  }

  #checkEntry(id: number, found: Entry | undefined, mark: number): void {
    const entry = this.#entry(id)
    const range = `versions ${entry.floor} (acknowledged or shown) to ${entry.issued} (asked for) are possible`
    const written = mark === 0 ? NEVER : entry.written.get(mark)
    if (mark < entry.floor) throw new Difference(`entry ${id} is at version ${mark}, older than promised: ${range}`)
    if (mark > entry.issued || written === undefined) throw new Difference(`entry ${id} is at version ${mark}, which was refused: ${range}`)
    if (!isState(id, written, found)) {
      throw new Difference(`entry ${id} is ${describe(found)} while its mark says version ${mark} (${describeWritten(written)}): ${range}`)
    }
  }

  #checkClaims(found: Found["claims"]): void {
    const owners = new Map<string, number>()
    for (const { _id, name } of found) {
      if (owners.has(name)) throw new Difference(`${name} belongs to ${owners.get(name)} and to ${_id}`)
      owners.set(name, _id)
      if (this.#claims.get(name)?.candidates.has(_id) !== true)
        throw new Difference(`${name} belongs to ${_id}, which was refused it or never asked`)
    }
    for (const [name, { isTaken, owner }] of this.#claims) {
      const actual = owners.get(name)
      if (owner !== undefined && actual !== owner)
        throw new Difference(`${name} was given to ${owner} and belongs to ${actual ?? "nobody"}`)
      if (isTaken && actual === undefined) throw new Difference(`somebody was refused ${name} because it was taken, and nobody has it`)
    }
  }

  /** The oldest version from `from` on that looks like this. */
  #match(entry: EntryHistory, from: number, found: Entry | undefined): number | undefined {
    for (let version = from; version <= entry.issued; version++) {
      const written = version === 0 ? NEVER : entry.written.get(version)
      if (written !== undefined && (found === undefined ? written.textBytes === "deleted" : isState(found._id, written, found)))
        return version
    }
    return undefined
  }

  #entry(id: number): EntryHistory {
    const known = this.#entries.get(id)
    if (known !== undefined) return known
    const made: EntryHistory = { written: new Map(), floor: 0, issued: 0 }
    this.#entries.set(id, made)
    return made
  }

  #claim(name: string): ClaimHistory {
    const known = this.#claims.get(name)
    if (known !== undefined) return known
    const made: ClaimHistory = { candidates: new Set(), isTaken: false, owner: undefined }
    this.#claims.set(name, made)
    return made
  }
}

function isState(id: number, written: Written, found: Entry | undefined): boolean {
  if (found === undefined || written.textBytes === "deleted") return found === undefined && written.textBytes === "deleted"
  const { label, text } = contentOf(id, written.version, written.textBytes)
  return found._id === id && found.version === written.version && found.label === label && found.text === text
}

const describe = (found: Entry | undefined): string =>
  found === undefined ? "absent" : `version ${found.version} (${found.label}, ${found.text.length} bytes of text)`

const describeWritten = ({ textBytes }: Written): string => (textBytes === "deleted" ? "deleted" : `${textBytes} bytes of text`)
