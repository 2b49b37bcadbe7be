/**
 * Migrations: bringing documents of one version of a store to the next by steps, over BSON.
 *
 * Invariants
 * - What no step names stays byte for byte. The result need not be a document of the new schema yet: that is the validator's to say.
 * - A document for which a step cannot be done is told with an issue, and nothing is made of it.
 */
import * as Type from "../Bson/Type.ts"
import { Decimal128, decode, encode, Key, type Value } from "../Bson/Value.ts"
import { documentEnd, elementName, firstElement, skipValue, valueOffset } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { buildField } from "./Build.ts"
import type { ConvertedType, Migration, MigrationStep, MigrationWay, StoreDefinition } from "./Definition.ts"
import type { Issue } from "./Issue.ts"
import { pointerPart } from "./Issue.ts"
import { BAD, checkField, Context, PLAIN_TEXT, writeField } from "./Node.ts"
import { checkObject, type Reporter } from "./Reporter.ts"

/** How many migrations a store may have, and steps a migration. */
export const MIGRATIONS_MAX = 100
export const STEPS_MAX = 1000

const CONVERTED: ReadonlyArray<ConvertedType> = ["string", "int", "long", "number", "decimal", "boolean", "date", "key", "uuid", "objectId"]

/** The version of a store's schema. */
export function versionOf({ version }: StoreDefinition): number {
  return version ?? 1
}

/** The definition as it is kept with the store: without the way to it. */
export function keptDefinition({ durability, idKind, indexes, name, schema, version }: StoreDefinition): StoreDefinition {
  const kept = { name, idKind, schema, indexes, ...(durability === undefined ? {} : { durability }) }
  return version === undefined || version === 1 ? kept : { ...kept, version }
}

/** Reports what is wrong with the version and the migrations of a definition from outside. */
export function checkMigrations(reporter: Reporter, version: unknown, migrations: unknown): void {
  if (version !== undefined && (!Number.isSafeInteger(version) || (version as number) < 1 || (version as number) > 1_000_000)) {
    reporter.report("/version", "invalid", "must be a whole number from 1 to 1000000")
  }
  if (migrations === undefined) return
  if (!Array.isArray(migrations) || migrations.length > MIGRATIONS_MAX) {
    return reporter.report("/migrations", "type", `expected an array of at most ${MIGRATIONS_MAX} migrations`)
  }
  let last = 1
  migrations.forEach((migration: unknown, index) => {
    const pointer = `/migrations/${index}`
    if (!checkObject(reporter, pointer, migration, ["to"], ["steps", "handler", "down"])) return
    const { down, to } = migration
    const newest = typeof version === "number" ? version : 1
    if (!Number.isSafeInteger(to) || (to as number) <= last || (to as number) > newest) {
      reporter.report(`${pointer}/to`, "invalid", `must be a version above ${last}, at most the store's own (${newest})`)
    } else last = to as number
    checkWay(reporter, pointer, migration)
    if (down !== undefined && checkObject(reporter, `${pointer}/down`, down, [], ["steps", "handler"]))
      checkWay(reporter, `${pointer}/down`, down)
  })
}

function checkWay(reporter: Reporter, pointer: string, { handler, steps }: { readonly handler?: unknown; readonly steps?: unknown }): void {
  if ((steps === undefined) === (handler === undefined)) reporter.report(pointer, "invalid", "needs either steps or a handler")
  if (handler !== undefined && typeof handler !== "string") reporter.report(`${pointer}/handler`, "type", "expected the name of a handler")
  if (steps !== undefined) checkSteps(reporter, `${pointer}/steps`, steps)
}

const MEMBERS: Readonly<Record<MigrationStep["op"], ReadonlyArray<string>>> = {
  rename: ["from", "to"],
  drop: ["path"],
  default: ["path", "value"],
  convert: ["path", "to"]
}

function checkSteps(reporter: Reporter, pointer: string, steps: unknown): void {
  if (!Array.isArray(steps) || steps.length > STEPS_MAX) {
    return reporter.report(pointer, "type", `expected an array of at most ${STEPS_MAX} steps`)
  }
  steps.forEach((step: unknown, index) => {
    const place = `${pointer}/${index}`
    const op = (step as { readonly op?: unknown } | null | undefined)?.op
    if (typeof op !== "string" || !Object.hasOwn(MEMBERS, op)) {
      return reporter.report(`${place}/op`, "invalid", `must be one of ${Object.keys(MEMBERS).join(", ")}`)
    }
    const members = MEMBERS[op as MigrationStep["op"]]
    if (!checkObject(reporter, place, step, ["op", ...members], [])) return
    for (const name of op === "convert" ? ["path"] : members.filter((it) => it !== "value")) {
      const path = step[name]
      const isPath = typeof path === "string" && path.split(".").every((part) => part !== "") && path.split(".")[0] !== "_id"
      if (!isPath) reporter.report(`${place}/${name}`, "invalid", "must be a path of names with dots between them, not into _id")
    }
    if (op === "convert" && !CONVERTED.some((it) => it === step["to"])) {
      reporter.report(`${place}/to`, "invalid", `must be one of ${CONVERTED.join(", ")}`)
    }
  })
}

/** The migrations that lead from one version to a store's own. */
export function migrationsFrom(definition: StoreDefinition, version: number): ReadonlyArray<Migration> {
  return (definition.migrations ?? []).filter(({ to }) => to > version && to <= versionOf(definition))
}

/**
 * What leads from documents of `from` to those of `to`. Back to an earlier version that is what the definition `newer` says of it; `missing`
 * says why there is no way.
 */
export function waysBetween(
  from: StoreDefinition,
  to: StoreDefinition,
  newer?: StoreDefinition
): { readonly ways: ReadonlyArray<MigrationWay> } | { readonly missing: string } {
  const [before, after] = [versionOf(from), versionOf(to)]
  if (after >= before) return { ways: migrationsFrom(to, before) }
  if (newer === undefined || versionOf(newer) < before)
    return { missing: `its documents are of version ${before} and do not go back to ${after}` }
  const passed = migrationsFrom(newer, after).filter((it) => it.to <= before)
  const final = passed.find(({ down }) => down === undefined)
  if (final !== undefined) return { missing: `its migration to version ${final.to} has no way down` }
  return { ways: passed.map(({ down }) => down!).toReversed() }
}

/** A document taken apart as far as steps lead into it: by name the value, or what a structure holds. */
type Parts = Map<string, Part>
type Part = { readonly type: number; readonly bytes: Uint8Array } | { readonly parts: Parts }

/** The document at `at` after some steps, in memory of its own; or the issue it has. */
export function migrate(steps: ReadonlyArray<MigrationStep>, bytes: Uint8Array, at: number): Uint8Array | Issue {
  const parts = takeApart(bytes, at)
  for (const step of steps) {
    const issue = take(step, parts)
    if (issue !== undefined) return issue
  }
  const writer = new Writer()
  putTogether(writer, parts)
  return writer.toBytes()
}

function take(step: MigrationStep, parts: Parts): Issue | undefined {
  switch (step.op) {
    case "rename": {
      const from = placeOf(parts, step.from, false)
      const value = from?.parts.get(from.name)
      if (from === undefined || value === undefined) return undefined
      const to = placeOf(parts, step.to, true)
      if (to === undefined || to.parts.has(to.name)) return issueAt(step.to, "invalid", `there is a value already, and ${step.from} too`)
      from.parts.delete(from.name)
      to.parts.set(to.name, value)
      return undefined
    }
    case "drop": {
      const place = placeOf(parts, step.path, false)
      place?.parts.delete(place.name)
      return undefined
    }
    case "default": {
      const place = placeOf(parts, step.path, true)
      if (place !== undefined && !place.parts.has(place.name)) place.parts.set(place.name, partOf(step.value as Value))
      return undefined
    }
    case "convert": {
      const place = placeOf(parts, step.path, false)
      const part = place?.parts.get(place.name)
      if (place === undefined || part === undefined) return undefined
      const converted = "bytes" in part ? convert(part, step.to) : undefined
      if (converted === undefined) return issueAt(step.path, "type", `cannot be converted to ${step.to}`)
      place.parts.set(place.name, converted)
      return undefined
    }
  }
}

/** Where a path ends; structures on the way are taken apart, and made when `isMade`. Undefined when something else is in the way. */
function placeOf(parts: Parts, path: string, isMade: boolean): { readonly parts: Parts; readonly name: string } | undefined {
  const names = path.split(".")
  let inside = parts
  for (const name of names.slice(0, -1)) {
    const found = inside.get(name)
    let next: Parts | undefined
    if (found === undefined) next = isMade ? new Map<string, Part>() : undefined
    else if ("parts" in found) next = found.parts
    else if (found.type === Type.DOCUMENT) next = takeApart(found.bytes, 0)
    if (next === undefined) return undefined
    inside.set(name, { parts: next })
    inside = next
  }
  return { parts: inside, name: names.at(-1)! }
}

function takeApart(bytes: Uint8Array, at: number): Parts {
  const parts: Parts = new Map()
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const type = bytes[element]!
    const valueAt = valueOffset(bytes, element)
    const next = skipValue(bytes, type, valueAt)
    parts.set(elementName(bytes, element), { type, bytes: bytes.slice(valueAt, next) })
    element = next
  }
  return parts
}

function putTogether(writer: Writer, parts: Parts): void {
  const start = writer.beginDocument()
  for (const [name, part] of parts) {
    if ("parts" in part) {
      writer.name(Type.DOCUMENT, name)
      putTogether(writer, part.parts)
    } else {
      writer.name(part.type, name)
      writer.raw(part.bytes, 0, part.bytes.length)
    }
  }
  writer.endDocument(start)
}

function partOf(value: Value): Part {
  return [...takeApart(encode({ value }), 0).values()][0]!
}

function convert(part: { readonly type: number; readonly bytes: Uint8Array }, to: ConvertedType): Part | undefined {
  const whole = new Writer()
  putTogether(whole, new Map([["", part]]))
  const value = decode(whole.toBytes())[""]!
  if (to === "string") {
    const text = textOf(value)
    return text === undefined ? undefined : partOf(text)
  }
  if (typeof value === "string") return read(value, to)
  if (to === "date" && typeof value === "number") return Number.isSafeInteger(value) ? partOf(new Date(value)) : undefined
  if (value instanceof Date) return to === "date" ? part : to === "long" || to === "number" ? partOf(BigInt(value.getTime())) : undefined
  // What is of the type already, or a number of another kind, is the validator's to judge.
  return part
}

/** A text as the type reads it. */
function read(text: string, to: ConvertedType): Part | undefined {
  const node = buildField({ type: to })
  const bytes = encode({ "": text })
  const context = new Context()
  context.begin(bytes, PLAIN_TEXT)
  if (checkField(node, context, bytes, bytes[4]!, 6) === BAD) return undefined
  const writer = new Writer()
  const start = writer.beginDocument()
  writer.name(0, "")
  const type = writeField(node, context, writer, bytes, bytes[4]!, 6)
  writer.bytes[4] = type
  writer.endDocument(start)
  return takeApart(writer.toBytes(), 0).get("")
}

function textOf(value: Value): string | undefined {
  if (typeof value === "string") return value
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString()
  return value instanceof Decimal128 || value instanceof Key ? value.toString() : undefined
}

function issueAt(path: string, code: Issue["code"], message: string): Issue {
  return {
    pointer: path
      .split(".")
      .map((name) => `/${pointerPart(name)}`)
      .join(""),
    code,
    message
  }
}
