/**
 * The words of PQL that mean something in a condition. They are contextual: elsewhere, and in backticks, they are names like any other.
 */

/** Words that no path may begin with unless it stands in backticks. Names that are common (`size`, `is` …) are not among them. */
export const PATH_WORDS: ReadonlySet<string> = new Set([
  "and",
  "or",
  "not",
  "in",
  "between",
  "startsWith",
  "endsWith",
  "contains",
  "exists"
])

/** Words that are a value by themselves: in an expression a path of such a name stands in backticks. */
export const VALUE_WORDS: ReadonlySet<string> = new Set(["true", "false", "null", "minKey", "maxKey"])

/** Operators that are signs, with their names in the AST. */
export const COMPARISONS = { "=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge" } as const

/** Every operator of a condition, as it is written. */
export const OPERATORS: ReadonlyArray<string> = [
  ...Object.keys(COMPARISONS),
  "in",
  "not in",
  "between",
  "startsWith",
  "endsWith",
  "contains",
  "~",
  "exists",
  "is",
  "any",
  "all",
  "size"
]

/** Flags of a pattern: ignore case, `^` and `$` at every line, `.` also for a line end. */
export const PATTERN_FLAGS = /^(?!.*(.).*\1)[ims]*$/
