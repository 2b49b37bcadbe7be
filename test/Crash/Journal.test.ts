/** The journal of the crash tests refuses what a broken database would come back with. */
import { assert, describe, it } from "@effect/vitest"
import { contentOf, Difference, type Entry, type Found, Journal } from "./Journal.ts"

const TEXT_BYTES = 100
const NOTHING: Found = { entries: [], marks: [], claims: [] }

const entry = (id: number, version: number, textBytes = TEXT_BYTES): Entry => ({ _id: id, version, ...contentOf(id, version, textBytes) })

/** An entry 1 with version 1 acknowledged, 2 acknowledged, 3 (its deletion) on its way. */
function threeVersions(): Journal {
  const journal = new Journal()
  journal.begins(1, { version: 1, textBytes: TEXT_BYTES })
  journal.acknowledged(1, 1)
  journal.begins(1, { version: 2, textBytes: TEXT_BYTES })
  journal.acknowledged(1, 2)
  journal.begins(1, { version: 3, textBytes: "deleted" })
  return journal
}

const at = (version: number, found: Entry | undefined): Found => ({
  ...NOTHING,
  entries: found === undefined ? [] : [found],
  marks: version === 0 ? [] : [{ _id: 1, version }]
})

const differs = (journal: Journal, found: Found, message: RegExp): void => {
  assert.throws(() => journal.check(found), Difference, message)
}

describe("the journal of the crash tests", () => {
  it("accepts the acknowledged state and the one that was on its way", () => {
    threeVersions().check(at(2, entry(1, 2)))
    threeVersions().check(at(3, undefined))
  })

  it("refuses an older state, a missing one and one that nobody asked for", () => {
    differs(threeVersions(), at(1, entry(1, 1)), /older than promised/)
    differs(threeVersions(), NOTHING, /older than promised/)
    differs(threeVersions(), at(4, entry(1, 4)), /refused/)
  })

  it("refuses one half of a transaction, in either direction", () => {
    differs(threeVersions(), at(3, entry(1, 2)), /its mark says version 3/)
    differs(threeVersions(), at(2, undefined), /its mark says version 2/)
  })

  it("refuses the content of another version", () => {
    differs(threeVersions(), at(2, { ...entry(1, 2), text: contentOf(1, 1, TEXT_BYTES).text }), /is version 2/)
  })

  it("holds a database to what a reader was shown, a 404 included", () => {
    const journal = threeVersions()
    journal.seen(1, undefined, 2)
    differs(journal, at(2, entry(1, 2)), /older than promised/)
    journal.check(at(3, undefined))
  })

  it("refuses to show a reader what is older than what was acknowledged before it asked", () => {
    assert.throws(() => threeVersions().seen(1, entry(1, 1), 2), Difference)
    const journal = new Journal()
    journal.begins(1, { version: 1, textBytes: TEXT_BYTES })
    journal.acknowledged(1, 1)
    assert.throws(() => journal.seen(1, undefined, 1), Difference)
    threeVersions().seen(1, entry(1, 1), 1)
  })

  it("refuses what was rolled back, and a rollback of what was seen", () => {
    const journal = threeVersions()
    journal.rolledBack(1, 3)
    differs(journal, at(3, undefined), /refused/)
    journal.check(at(2, entry(1, 2)))
    const shown = threeVersions()
    shown.seen(1, undefined, 2)
    assert.throws(() => shown.rolledBack(1, 3), Difference)
  })

  it("goes on from what came back", () => {
    const journal = threeVersions()
    journal.recovered(at(2, entry(1, 2)))
    assert.strictEqual(journal.issued(1), 2)
    differs(journal, at(3, undefined), /refused/)
    journal.begins(1, { version: 3, textBytes: 5 })
    journal.check(at(3, entry(1, 3, 5)))
  })

  it("gives a name to one, and holds the database to a refusal", () => {
    const journal = new Journal()
    const owned = (id: number): Found => ({ ...NOTHING, claims: [{ _id: id, name: "a" }] })
    journal.claims(1, "a")
    journal.claims(2, "a")
    journal.check(NOTHING)
    journal.refused(2, "a")
    differs(journal, NOTHING, /nobody has it/)
    differs(journal, owned(2), /refused it/)
    journal.check(owned(1))
    journal.claimed(1, "a")
    differs(journal, owned(3), /never asked/)
    differs(journal, { ...NOTHING, claims: [...owned(1).claims, ...owned(1).claims] }, /belongs to 1 and to 1/)
    assert.throws(() => journal.claimed(2, "a"), /was given to 1 and to 2/)
    assert.throws(() => journal.refused(3, "b"), /nobody else/)
  })
})
