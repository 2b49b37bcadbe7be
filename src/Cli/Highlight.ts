/** PQL in colours, for a terminal: strings, numbers, words of the language and parameters. Takes any text, finished or not. */
import { STEP_NAMES } from "../Query/Pql.ts"
import { LITERAL_WORDS } from "../Query/PqlValue.ts"
import { OPERATORS } from "../Query/PqlWords.ts"

const RESET = "\u001B[0m"
const STRING = "\u001B[32m"
const NUMBER = "\u001B[36m"
const WORD = "\u001B[35m"
const STEP = "\u001B[34m"
const PARAMETER = "\u001B[33m"

const TOKENS = /("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|(\/\/.*|\/\*[^]*?(?:\*\/|$))|(\$[A-Za-z_]\w*)|(-?\b\d[\w.]*)|([A-Za-z_]\w*)/g
const WORDS: ReadonlySet<string> = new Set([
  ...OPERATORS.flatMap((operator) => operator.split(" ")),
  "and",
  "or",
  "asc",
  "desc",
  ...LITERAL_WORDS,
  "explain",
  "this",
  "each"
])
const STEPS: ReadonlySet<string> = new Set(STEP_NAMES)

/** The text with colours. Without them it is the same text. */
export function highlight(text: string): string {
  return text.replaceAll(TOKENS, (token, string, _comment, parameter, number, word, at: number) => {
    const colour =
      string !== undefined
        ? STRING
        : parameter !== undefined
          ? PARAMETER
          : number !== undefined
            ? NUMBER
            : word === undefined
              ? undefined
              : colourOf(String(word), text, at)
    return colour === undefined ? token : `${colour}${token}${RESET}`
  })
}

function colourOf(word: string, text: string, at: number): string | undefined {
  if (STEPS.has(word) && text.charAt(at - 1) === ".") return STEP
  return WORDS.has(word) ? WORD : undefined
}
