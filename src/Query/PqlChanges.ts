/**
 * The operands of changes in PQL: `push({ tags: "new" })`, `addToSet({ tags: each ["a", "b"] })`, `pull({ lines: any (quantity < 1) })`.
 *
 * `each` and `any` are words only here, at the head of a value; they stand for `{ $each: … }` and `{ $any: … }` of the statement's form.
 */
import type { Value } from "../Bson/Value.ts"
import type { ArrayChange, DocumentValue } from "./Ast.ts"
import { encodeFilter } from "./FilterBson.ts"
import { readElementExpression } from "./PqlExpression.ts"
import type { Lexer } from "./PqlLexer.ts"
import { type Parameters, readFields, readList, readValue } from "./PqlValue.ts"

/** Reads `{ path: operand, … }` of a change of arrays. */
export function readArrayChanges(lexer: Lexer, parameters: Parameters, member: ArrayChange): DocumentValue {
  return readFields(lexer, (): Value => {
    if (lexer.accept("each")) return { $each: readList(lexer, parameters) }
    if (member === "pull" && lexer.accept("any")) return { $any: encodeFilter(readElementExpression(lexer, parameters)) }
    return readValue(lexer, parameters, 1)
  })
}
