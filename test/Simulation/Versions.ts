/**
 * A store whose documents change their shape from version to version, and what becomes of each document on the way: by steps that the
 * engine takes, and by a program.
 *
 * Invariants
 * - What a migration has to give is said here in terms of plain fields; only the program in the middle is run by the engine as well.
 */
import { BSON } from "bson"
import { keyOf } from "../../src/Bson/Key.ts"
import { valueOffset } from "../../src/Bson/View.ts"
import type { Random } from "../../src/Disk/Random.ts"
import type { Fields, IndexDefinition, Migration, StoreDefinition } from "../../src/Schema/Definition.ts"
import type { Issue } from "../../src/Schema/Issue.ts"
import type { MigrationHandler } from "../../src/Storage/Conversion.ts"
import type { StoredDocument } from "./Model.ts"

export const BILLS = "bills"

type Plain = Readonly<Record<string, unknown>>

interface Form {
  readonly schema: Fields
  /** The field that an index may want to be unique. */
  readonly party: string
  /** How documents of the version before become such. */
  readonly migration: Omit<Migration, "to">
  readonly convert: (fields: Plain) => Plain | Issue
}

const NUMBERS = 40
const EPOCH_MS = 1_700_000_000_000
/** What cannot be read as an int of 32 bits, and what the program in the middle does not take or makes nothing whole of. */
const UNREADABLE = ["many", "5000000000"]
const REFUSED = 13
const SPOILED = 14
const HANDLER = "share"

const COMMON: Fields = { due: { type: "date", optional: true }, note: { type: "string", optional: true } }

/** The fields but some, and then others. */
function without(fields: Plain, names: ReadonlyArray<string>, added: Plain): Plain {
  return { ...Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name))), ...added }
}

/** Takes `from` to where it is called `to`; what is not there stays away. */
const renamed = (fields: Plain, from: string, to: string): Plain =>
  fields[from] === undefined ? fields : without(fields, [from], { [to]: fields[from] })

/** The program: refuses some documents, and leaves out of others what the new version needs. */
function share(fields: Plain): Plain | Issue {
  const { amount, ...others } = fields
  if (amount === REFUSED) return { pointer: "/amount", code: "invalid", message: "nobody shares that" }
  const shared = { ...others, share: 100 + ((Number(amount) * 7) % 50) }
  return amount === SPOILED ? without(shared, ["buyer"], {}) : shared
}

/** In the order in which they follow each other, again and again; the first is that of version 1. */
const FORMS: ReadonlyArray<Form> = [
  {
    schema: { payer: { type: "string" }, amount: { type: "string" }, legacy: { type: "int", optional: true }, ...COMMON },
    party: "payer",
    migration: {
      steps: [
        { op: "rename", from: "buyer", to: "payer" },
        { op: "rename", from: "share", to: "amount" },
        { op: "convert", path: "amount", to: "string" },
        { op: "drop", path: "state" }
      ]
    },
    convert: (fields) => {
      const moved = renamed(renamed(fields, "buyer", "payer"), "share", "amount")
      return without(moved, ["state"], { amount: String(moved["amount"]) })
    }
  },
  {
    schema: { buyer: { type: "string" }, amount: { type: "int" }, state: { type: "string" }, ...COMMON },
    party: "buyer",
    migration: {
      steps: [
        { op: "rename", from: "payer", to: "buyer" },
        { op: "convert", path: "amount", to: "int" },
        { op: "drop", path: "legacy" },
        { op: "default", path: "state", value: "open" }
      ]
    },
    convert: (fields) => {
      const { amount } = fields
      if (UNREADABLE.includes(String(amount))) return { pointer: "/amount", code: "type", message: "cannot be converted to int" }
      return without(renamed(fields, "payer", "buyer"), ["legacy"], { amount: Number(amount), state: fields["state"] ?? "open" })
    }
  },
  {
    schema: { share: { type: "long" }, buyer: { type: "string" }, state: { type: "string" }, ...COMMON },
    party: "buyer",
    migration: { handler: HANDLER },
    convert: share
  }
]

const formOf = (version: number): Form => FORMS[(version - 1) % FORMS.length]!
const isIssue = (result: Plain | Issue): result is Issue => "pointer" in result

export const versionOf = ({ version }: StoreDefinition): number => version ?? 1

/** What the migrations name. */
export const HANDLERS: ReadonlyMap<string, MigrationHandler> = new Map([
  [
    HANDLER,
    (bytes) => {
      const made = share(BSON.deserialize(bytes))
      return isIssue(made) ? made : BSON.serialize(made)
    }
  ]
])

/** The store in some version, with any of its indexes. */
export function someVersion(version: number, random: Random): StoreDefinition {
  const { party, schema } = formOf(version)
  const isUnique = random.chance(0.3)
  const indexes: ReadonlyArray<IndexDefinition> = [
    { name: "byParty", on: [{ path: party, direction: "asc" }], ...(isUnique ? { unique: true } : {}) },
    { name: "byState", on: [{ path: formOf(version).party === "payer" ? "legacy" : "state", direction: "desc" }], sparse: true },
    // What has expired leaves a place in a unique index behind that nobody is told of: one of the two at a time.
    ...(isUnique ? [] : [{ name: "ending", on: [{ path: "due", direction: "asc" as const }], expireAfterMs: 3000 }])
  ]
  return { name: BILLS, idKind: "string", schema, indexes: indexes.filter(() => random.chance(0.6)), ...(version > 1 ? { version } : {}) }
}

/** The definition with the way to it from the version before `version`, and from all between. */
export function withMigrations(definition: StoreDefinition): StoreDefinition {
  const migrations = Array.from({ length: versionOf(definition) - 1 }, (_, at) => ({ to: at + 2, ...formOf(at + 2).migration }))
  return { ...definition, migrations }
}

/** A document of the store; a few are none of the next version. */
export function someBill(definition: StoreDefinition, random: Random, isGood = false): StoredDocument {
  const { party, schema } = formOf(versionOf(definition))
  const number = random.below(NUMBERS)
  const amount = 20 + random.below(50)
  const odd = isGood || !random.chance(0.02) ? undefined : random.below(2)
  const fields: Record<string, unknown> = {
    [party]: `party${random.chance(0.8) ? number : random.below(NUMBERS)}`,
    amount: odd === undefined ? amount : [REFUSED, SPOILED][odd]!,
    state: random.chance(0.5) ? "open" : "paid",
    share: amount
  }
  if (schema["amount"]?.type === "string") fields["amount"] = odd === undefined ? String(amount) : UNREADABLE[odd]!
  if (random.chance(0.3)) fields["legacy"] = random.below(5)
  if (random.chance(0.3)) fields["due"] = new Date(EPOCH_MS + random.below(90) * 1000)
  if (random.chance(0.7)) fields["note"] = "n".repeat(random.below(random.chance(0.15) ? 8000 : 300))
  return stored(definition, { ...fields, _id: `bill${number}` })
}

/** The document with another value where an index may want it to be unique. */
export function withParty(definition: StoreDefinition, document: StoredDocument, other: StoredDocument): StoredDocument {
  const { party } = formOf(versionOf(definition))
  return stored(definition, { ...document.fields, [party]: other.fields[party] })
}

/** What a document becomes in another version; or why it becomes nothing. */
export function migrated(before: StoreDefinition, { fields }: StoredDocument, after: StoreDefinition): StoredDocument | Issue {
  let made = fields
  for (let version = versionOf(before) + 1; version <= versionOf(after); version++) {
    const next = formOf(version).convert(made)
    if (isIssue(next)) return next
    made = next
  }
  const { party } = formOf(versionOf(after))
  if (made[party] === undefined) return { pointer: `/${party}`, code: "required", message: "is missing" }
  return stored(after, made)
}

export const partyOf = (definition: StoreDefinition, { fields }: StoredDocument): unknown => fields[formOf(versionOf(definition)).party]

export const isDocument = (it: StoredDocument | Issue): it is StoredDocument => !("pointer" in it)

/** With the fields that its version has, in their order. */
function stored({ idKind, schema }: StoreDefinition, fields: Plain): StoredDocument {
  const names = ["_id", ...Object.keys(schema)].filter((name) => fields[name] !== undefined)
  const own = Object.fromEntries(names.map((name) => [name, fields[name]]))
  const bytes = BSON.serialize(own["share"] === undefined ? own : { ...own, share: BigInt(Number(own["share"])) })
  return { key: keyOf(idKind, bytes[4]!, bytes, valueOffset(bytes, 4)), bytes, fields: own }
}
