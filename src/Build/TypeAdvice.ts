/**
 * What the compiler says, said shorter where it is about the SDK: its messages spell out generated types over many lines, and the word that was meant
 * stands somewhere in them.
 *
 * Invariant: only messages that are recognised whole are replaced; every other one stays as it is.
 */
import { closest } from "../Config/Closest.ts"

/** Names that are listed when none of them is close. */
const LISTED_MAX = 20

interface Advice {
  readonly pattern: RegExp
  readonly say: (match: RegExpExecArray, message: string) => string | undefined
}

const ADVICE: ReadonlyArray<Advice> = [
  {
    pattern:
      /'([^']+)' does not exist in type '(?:Conditions|Assignments|Changes|Increments|Additions|Removals|Update)<Row<"([^"]+)", \{(.*)\}>>'/s,
    say: ([, field = "", store = "", shape = ""]) =>
      `"${field}" is no field of the store "${store}"${meant(field, ["_id", ...fieldsOf(shape)])}`
  },
  {
    pattern: /^Argument of type '"([^"]*)"' is not assignable to parameter of type 'Path<Row<"([^"]+)", \{(.*)\}>>'/s,
    say: ([, field = "", store = "", shape = ""]) =>
      `"${field}" is no field of the store "${store}"${meant(field, ["_id", ...fieldsOf(shape)])}`
  },
  {
    pattern: /^Argument of type '"([^"]*)"' is not assignable to parameter of type 'Operator'/,
    say: ([, operator = ""]) => `"${operator}" is no operator of a filter${meant(operator, OPERATORS)}`
  },
  {
    pattern: /is not assignable to parameter of type 'never'/,
    say: () => "this operator does not fit the type of the field: startsWith, endsWith and ~ are for texts"
  },
  {
    pattern: /'undefined' is not assignable to type '[^']*\bSkipped\b/,
    say: () => "undefined would leave the condition out and let every document through: write optional(value) where that is meant"
  },
  {
    pattern: /'"([^"]*)"' is not assignable to (?:parameter of )?type '((?:"[^"]*" \| )*"[^"]*"(?: \| [A-Za-z]+)*)'/,
    say: ([, value = "", allowed = ""]) => {
      const values = [...allowed.matchAll(/"([^"]*)"/g)].map((found) => found[1] ?? "")
      return values.length < 2 ? undefined : `"${value}" is none of the values allowed here${meant(value, values)}`
    }
  },
  {
    pattern: /\bPromise<|did you forget to use 'await'/i,
    say: (_match, message) => `${message}\n  A promise stands here: is an await missing?`
  }
]

/** As `guest/typescript/condition.ts` has them. */
const OPERATORS = "= != < <= > >= in not_in between startsWith endsWith contains ~ exists is size any all"
  .split(" ")
  .map((name) => name.replace("_", " "))

/** The message for an author; `message` is the compiler's, without its code. */
export function advise(message: string): string {
  for (const { pattern, say } of ADVICE) {
    const match = pattern.exec(message)
    const said = match === null ? undefined : say(match, message)
    if (said !== undefined) return said
  }
  return message
}

/** `; did you mean "paid"?`, or what there is. */
function meant(word: string, known: ReadonlyArray<string>): string {
  const close = closest(word, known)
  if (close !== undefined) return `; did you mean "${close}"?`
  const listed = known.slice(0, LISTED_MAX).join(", ")
  return `; there are ${listed}${known.length > LISTED_MAX ? ", …" : ""}`
}

/** The names of a shape as the compiler prints it. */
function fieldsOf(shape: string): ReadonlyArray<string> {
  return [...shape.matchAll(/readonly (\w+): /g)].map(([, name = ""]) => name)
}
