/**
 * Breaks the matcher one operator at a time and says which of the broken ones answer as the model does: those nobody would notice.
 *
 * A mutant is the folder `src/Match` with one replacement in one file, beside links to everything it imports.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { Decimal128, encode, type Value } from "../../src/Bson/Value.ts"
import type { Filter } from "../../src/Match/Filter.ts"
import { matches, resolve } from "../Query/Model.ts"
import { randomDocument, randomFilter } from "../Query/Things.ts"
import { Random } from "../Storage/Random.ts"

interface Mutant {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
}

const test = (name: string, from: string, to: string): Mutant => ({ name, file: "Test.ts", from, to })
const compile = (name: string, from: string, to: string): Mutant => ({ name, file: "Compile.ts", from, to })
const array = (name: string, from: string, to: string): Mutant => ({ name, file: "ArrayTest.ts", from, to })

/** At least one for every operator: `=` of each kind of value, each end of a range, lists, texts, arrays, and what joins conditions. */
export const MUTANTS: ReadonlyArray<Mutant> = [
  test(
    "eq of any value",
    "return compareValues(bytes, type, at, this.operand.bytes, this.operand.type, this.operand.at) === 0\n  }\n}\n\n/** Equal to a string",
    "return compareValues(bytes, type, at, this.operand.bytes, this.operand.type, this.operand.at) >= 0\n  }\n}\n\n/** Equal to a string"
  ),
  test("eq of strings", "equalBytes(bytes, at, this.bytes, this.at, this.length)", "equalBytes(bytes, at, this.bytes, this.at, 4)"),
  test("eq of numbers", "if (type === Type.DOUBLE) return readDouble(bytes, at) === this.number", "if (type === Type.DOUBLE) return false"),
  compile("ne", 'return condition.op === "ne" || condition.op', "return condition.op"),
  compile("notIn", '|| condition.op === "notIn" ||', "||"),
  compile("exists false", '|| (condition.op === "exists" && !condition.value)', ""),
  test("exists", "return type !== Type.MISSING\n", "return type !== Type.MISSING && type !== Type.NULL\n"),
  compile("lt as le", 'const inclusive = op === "le" || op === "ge"', 'const inclusive = op !== "gt"'),
  compile("le as lt", 'const inclusive = op === "le" || op === "ge"', 'const inclusive = op === "ge"'),
  compile("ge as gt", 'const inclusive = op === "le" || op === "ge"', 'const inclusive = op === "le"'),
  compile("gt as ge", 'const inclusive = op === "le" || op === "ge"', 'const inclusive = op !== "lt"'),
  compile(
    "lt as gt",
    'return op === "lt" || op === "le" ? rangeTest(undefined, bound)',
    'return op === "le" ? rangeTest(undefined, bound)'
  ),
  compile("between without its low end", "return rangeTest({ value: low, inclusive: true },", "return rangeTest(undefined,"),
  compile("between without its high end", "{ value: high, inclusive: true })", "undefined)"),
  compile("between open", "{ value: high, inclusive: true })", "{ value: high, inclusive: false })"),
  test("ranges beyond their class", "if (kind !== typeClass(type)) return false", ""),
  test("ranges with NaN", "if (kind === CLASS_NUMBER && isNaNValue(bytes, type, at)) return false", ""),
  test("in", "if (order < 0) low = middle + 1", "if (order > 0) low = middle + 1"),
  test("in of one less", "let high = this.sorted.length\n", "let high = this.sorted.length - 1\n"),
  test(
    "startsWith",
    "return equalBytes(bytes, at + 4, this.prefix, 0, this.prefix.length)",
    "return equalBytes(bytes, at + 4, this.prefix, 0, this.prefix.length - 1)"
  ),
  test("endsWith", "bytes, at + 4 + length - suffix.length, suffix", "bytes, at + 4, suffix"),
  test("contains", "start <= last", "start < last"),
  test("~", "readInt32(bytes, at) - 1))", "readInt32(bytes, at) - 2))"),
  compile("~ without flags", "compileRegex(path, condition.pattern, condition.flags)", 'compileRegex(path, condition.pattern, "")'),
  test("is", "return this.isOfType(bytes, type, at)", "return type !== Type.MISSING"),
  array("size", "return count === this.size", "return count >= this.size"),
  array("any and all", "return this.all\n", "return !this.all\n"),
  array(
    "any",
    "if (this.passes(bytes, elementType, valueAt) !== this.all) return !this.all",
    "if (this.passes(bytes, elementType, valueAt) === this.all) return !this.all"
  ),
  compile("all as any", 'filter.op === "all")', "false)"),
  compile("contains of arrays", "new ElementsTest(equalElement(operand), false)", "new ElementsTest(equalElement(operand), true)"),
  compile("and", "first(bytes, at) && second(bytes, at)", "first(bytes, at)"),
  compile("and of many", "if (!parts[index]!(bytes, at)) return false\n", "if (!parts[index]!(bytes, at)) return true\n"),
  compile("or", "if (parts[index]!(bytes, at)) return true\n", "if (!parts[index]!(bytes, at)) return true\n"),
  compile("not", "return (bytes, at) => !predicate(bytes, at)", "return (bytes, at) => predicate(bytes, at)"),
  compile("and inside any", 'filter.op === "and" ? everyPart(parts) : somePart(parts)', "somePart(parts)"),
  compile("or inside any", 'filter.op === "and" ? everyPart(parts) : somePart(parts)', "everyPart(parts)"),
  compile("not inside any", "return (bytes, type, at) => !part(bytes, type, at)", "return part"),
  compile(
    "ne inside any",
    "return (bytes, type, at) => test.visit(bytes, type, at) !== negated",
    "return (bytes, type, at) => test.visit(bytes, type, at)"
  )
]

const SOURCE = join(import.meta.dirname, "../../src")
const ROUNDS = 12_000

const PATHS = ["n", "s", "d", "l", "u", "x", "tags", "inner.a", "inner.b", "lines", "lines.q", "map.a", "nothing"]
const LEAVES = [
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "in",
  "notIn",
  "between",
  "prefix",
  "suffix",
  "contains",
  "regex",
  "exists",
  "type",
  "size"
] as const
const TYPES = ["string", "number", "array", "null", "date", "document", "boolean"]

/** A condition whose operand is, most of the time, made of what documents have there: one on the edge between holding and not. */
function leaf(random: Random, path: string, values: ReadonlyArray<Value>): Filter {
  const value = random.pick(values)
  const text = String(random.pick(["ab", ...values.filter((it) => typeof it === "string")]))
  const op = random.pick(LEAVES)
  switch (op) {
    case "in":
    case "notIn":
      return { op, path, values: Array.from({ length: 1 + random.below(3) }, () => random.pick(values)) }
    case "between":
      return { op, path, low: value, high: random.pick(values) }
    case "prefix":
      return { op, path, value: text.slice(0, 1 + random.below(3)) }
    case "suffix":
      return { op, path, value: text.slice(random.below(2)) }
    case "contains":
      return { op, path, value: random.chance(60) ? text.slice(random.below(2), 2) : value }
    case "regex":
      return { op, path, pattern: random.pick(["^A", "b$", "^ab?$", "X", "é$"]), flags: random.pick(["", "i"]) }
    case "exists":
      return { op, path, value: random.chance(50) }
    case "type":
      return { op, path, type: random.pick(TYPES) }
    case "size":
      return { op, path: random.pick(["tags", "lines", "x"]), size: random.below(3) }
    default:
      return { op, path, value }
  }
}

/** What elements of `tags` and `lines` are asked. */
function elements(random: Random, values: ReadonlyArray<Value>): Filter {
  const [path, inner] = random.pick([
    ["tags", ""],
    ["lines", "q"],
    ["lines", "k"]
  ] as const)
  const part = (): Filter => {
    const inside = leaf(random, inner, [...values, "a", "b", 0, 1, 2])
    const own = inside.op === "size" ? ({ op: "eq", path: inner, value: 1 } as const) : inside
    return random.chance(25) ? { op: "not", of: own } : own
  }
  const of: Filter = random.chance(50) ? part() : { op: random.pick(["and", "or"] as const), of: [part(), part()] }
  return { op: random.pick(["any", "all"] as const), path, of }
}

const random = new Random(77)
const documents = Array.from({ length: 300 }, (_, number) => randomDocument(random, number))
/** What documents have at a path, and some numbers beside it. */
const valuesAt = new Map(
  PATHS.map((path) => [
    path,
    [
      ...documents.flatMap((document) => resolve(document, path)).filter((it) => typeof it !== "symbol"),
      0,
      1,
      Decimal128.fromString("1.5"),
      null
    ] as ReadonlyArray<Value>
  ])
)
const cases = Array.from({ length: ROUNDS }, (_, number) => {
  const document = random.pick(documents)
  const path = random.pick(PATHS)
  const values = valuesAt.get(path) ?? []
  const filter = number % 4 === 0 ? randomFilter(random, 2) : number % 4 === 1 ? elements(random, values) : leaf(random, path, values)
  return { document, bytes: encode(document), filter }
})
const answers = cases.map(({ document, filter }) => matches(document, filter))

/** How many of the cases a matcher answers otherwise than the model. */
function wrongAnswers(compileFilter: (filter: Filter) => (bytes: Uint8Array, at: number) => boolean): number {
  let wrong = 0
  cases.forEach(({ bytes, filter }, number) => {
    try {
      if (compileFilter(filter)(bytes, 0) !== answers[number]) wrong++
    } catch {
      wrong++
    }
  })
  return wrong
}

async function load(folder: string): Promise<Parameters<typeof wrongAnswers>[0]> {
  const module = (await import(pathToFileURL(join(folder, "Match/Compile.ts")).href)) as {
    readonly compileFilter: Parameters<typeof wrongAnswers>[0]
  }
  return module.compileFilter
}

const home = mkdtempSync(join(tmpdir(), "planck-mutants-"))
try {
  symlinkSync(join(SOURCE, "../node_modules"), join(home, "node_modules"))
  writeFileSync(join(home, "package.json"), '{ "type": "module" }')
  const results: Array<{ readonly name: string; readonly wrong: number }> = [{ name: "", wrong: wrongAnswers(await load(SOURCE)) }]
  for (const [number, { file, from, name, to }] of MUTANTS.entries()) {
    const folder = join(home, `${number}`)
    mkdirSync(folder)
    for (const other of ["Bson", "Fault", "Schema"]) symlinkSync(join(SOURCE, other), join(folder, other))
    cpSync(join(SOURCE, "Match"), join(folder, "Match"), { recursive: true })
    const path = join(folder, "Match", file)
    const text = readFileSync(path, "utf8")
    if (text.split(from).length !== 2) throw new Error(`${name}: its place is not there, or is there several times`)
    writeFileSync(
      path,
      text.replace(from, () => to)
    )
    results.push({ name, wrong: wrongAnswers(await load(folder)) })
  }
  console.log(JSON.stringify(results))
} finally {
  rmSync(home, { recursive: true, force: true })
}
