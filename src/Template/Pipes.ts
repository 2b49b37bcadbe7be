/** What each pipe takes and gives, for the checker. What they do is in `PipeValues.ts`. */
import { booleanType, intType, membersOf, stringType, type StaticType } from "./StaticType.ts"

export const pipeNames = ["upper", "lower", "trim", "money", "date", "number", "json", "url", "link", "default", "count", "join"] as const

export type PipeName = (typeof pipeNames)[number]

/** What stands to the left of a pipe. */
export type PipeInput = "printable" | "number" | "date" | "list" | "printables" | "anything"

export interface PipeArgument {
  readonly name: string
  readonly takes: "text" | "number" | "anything"
  /** Whether it has to be a literal, because it is read when the template is built. */
  readonly literal: boolean
  readonly optional: boolean
}

export interface PipeSignature {
  readonly input: PipeInput
  readonly arguments: ReadonlyArray<PipeArgument>
  /** `input`: the type of the left side without null, joined with the argument's. */
  readonly result: StaticType | "input"
  /** Whether a missing value goes in and something else comes out. */
  readonly handlesMissing: boolean
}

const text = (name: string, literal: boolean): PipeArgument => ({ name, takes: "text", literal, optional: true })
const onText: PipeSignature = { input: "printable", arguments: [], result: stringType, handlesMissing: false }

/** Largest number of decimals that `number` and `money` print. */
export const decimalsMax = 20

export const pipeSignatures: Readonly<Record<PipeName, PipeSignature>> = {
  upper: onText,
  lower: onText,
  trim: onText,
  url: onText,
  link: onText,
  money: { input: "number", arguments: [text("currency", false)], result: stringType, handlesMissing: false },
  number: {
    input: "number",
    arguments: [{ name: "decimals", takes: "number", literal: true, optional: true }, text("separator", true), text("point", true)],
    result: stringType,
    handlesMissing: false
  },
  date: { input: "date", arguments: [text("pattern", true)], result: stringType, handlesMissing: false },
  json: { input: "anything", arguments: [], result: stringType, handlesMissing: true },
  default: {
    input: "anything",
    arguments: [{ name: "value", takes: "anything", literal: false, optional: false }],
    result: "input",
    handlesMissing: true
  },
  count: { input: "list", arguments: [], result: intType, handlesMissing: true },
  join: { input: "printables", arguments: [text("separator", false)], result: stringType, handlesMissing: false }
}

export function isPipe(name: string): name is PipeName {
  return Object.hasOwn(pipeSignatures, name)
}

/** What a pipe wants on its left, in words. */
export const inputWords: Readonly<Record<PipeInput, string>> = {
  printable: "a text, number, date, boolean or id",
  number: "a number",
  date: "a date",
  list: "a list",
  printables: "a list of texts, numbers, dates, booleans or ids",
  anything: "a value"
}

/** Whether a value of this type may stand on the left of a pipe. */
export function accepts(input: PipeInput, type: StaticType): boolean {
  const members = membersOf(type)
  switch (input) {
    case "printable":
      return isPrintable(type)
    case "number":
      return members.every(isNumeric)
    case "date":
      return members.every((member) => member.kind === "date" || member.kind === "any")
    case "list":
      return members.every((member) => member.kind === "list" || member.kind === "any")
    case "printables":
      return members.every((member) => member.kind === "any" || (member.kind === "list" && isPrintable(member.items)))
    case "anything":
      return true
  }
}

/** Whether a value of this type has a text form: everything but lists and objects. */
export function isPrintable(type: StaticType): boolean {
  return membersOf(type).every((member) => member.kind !== "list" && member.kind !== "struct" && member.kind !== "record")
}

/** Whether a member of a type is a number; `any` may be one. */
export function isNumeric(member: StaticType): boolean {
  if (member.kind === "literals") return member.values.every((value) => typeof value === "number")
  return ["int", "long", "number", "decimal", "any"].includes(member.kind)
}

/** Whether a member of a type is text. */
export function isText(member: StaticType): boolean {
  return member.kind === "string" || (member.kind === "literals" && member.values.every((value) => typeof value === "string"))
}

/** The type of a comparison's and of `not`'s result. */
export const truth = booleanType

const patternToken = /YYYY|YY|MMMM|MMM|MM|M|DDDD|DDD|DD|D|HH|H|mm|ss|SSS|\[[^\]]*\]|./gsu

/** The tokens of a date pattern: `YYYY-MM-DD HH:mm`; text in square brackets stands for itself. */
export function patternTokens(pattern: string): ReadonlyArray<string> {
  return pattern.match(patternToken) ?? []
}

/** The first letter of a pattern that is no token, if there is one: `yyyy` for `YYYY` is the usual slip. */
export function strangePatternLetter(pattern: string): string | undefined {
  return patternTokens(pattern).find((token) => token.length === 1 && /[A-Za-z]/.test(token) && !["M", "D", "H", "T", "Z"].includes(token))
}
