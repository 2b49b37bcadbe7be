/** Types as written in `{param name: Type}`: TypeScript's notation where there is one. */
import { expressionDepthMax } from "./Limits.ts"
import type { StructFieldSyntax, TypeSyntax } from "./Syntax.ts"
import { described, mistake, type Tokens } from "./Tokens.ts"

/** Reads a type: `string`, `Doc<orders>[]`, `date?` (may be missing), `{ sku: string, note?: string }`, `"a" | "b"`, `Doc<orders>["lines"][number]`, `Line.line`. */
export function parseType(tokens: Tokens): TypeSyntax {
  return union(tokens, 0)
}

function union(tokens: Tokens, depth: number): TypeSyntax {
  if (depth > expressionDepthMax) throw mistake("limit", tokens.peek(), `this type is nested deeper than ${expressionDepthMax}`)
  tokens.take("|")
  const first = postfix(tokens, depth)
  if (!tokens.sees("|")) return first
  const members = [first]
  while (tokens.take("|")) members.push(postfix(tokens, depth))
  return { kind: "union", members, at: first.at, end: tokens.lastEnd }
}

function postfix(tokens: Tokens, depth: number): TypeSyntax {
  let type = primary(tokens, depth)
  for (;;) {
    if (tokens.take("?")) {
      type = {
        kind: "union",
        members: [type, { kind: "literal", value: null, at: type.at, end: type.end }],
        at: type.at,
        end: tokens.lastEnd
      }
      continue
    }
    if (!tokens.take("[")) return type
    const inside = tokens.peek()
    if (tokens.take("]")) type = { kind: "array", items: type, at: type.at, end: tokens.lastEnd }
    else if (inside.kind === "string") {
      tokens.next()
      type = { kind: "fieldOf", of: type, name: inside.text, at: type.at, end: tokens.expect("]", "behind the field's name").end }
    } else if (tokens.take("number")) type = { kind: "itemOf", of: type, at: type.at, end: tokens.expect("]", 'behind "number"').end }
    else throw mistake("syntax", inside, `expected "]", a field's name in quotes, or number, found ${described(inside)}`)
  }
}

function primary(tokens: Tokens, depth: number): TypeSyntax {
  const token = tokens.next()
  const { at } = token
  if (token.kind === "string") return { kind: "literal", value: token.text, at, end: token.end }
  if (token.kind === "number") return { kind: "literal", value: Number(token.text), at, end: token.end }
  if (token.text === "-" && tokens.peek().kind === "number") {
    const number = tokens.next()
    return { kind: "literal", value: -Number(number.text), at, end: number.end }
  }
  if (token.text === "(") {
    const inside = union(tokens, depth + 1)
    return { ...inside, at, end: tokens.expect(")", "to close the parenthesis").end }
  }
  if (token.text === "{") return struct(tokens, at, depth)
  if (token.kind !== "name") throw mistake("syntax", token, `expected a type, found ${described(token)}`)
  if (token.text === "true" || token.text === "false") return { kind: "literal", value: token.text === "true", at, end: token.end }
  if (token.text === "null") return { kind: "literal", value: null, at, end: token.end }
  return named(tokens, token.text, at)
}

function named(tokens: Tokens, name: string, at: number): TypeSyntax {
  if (tokens.take("<")) {
    const store = tokens.next()
    if (store.kind !== "name" && store.kind !== "string")
      throw mistake("syntax", store, `expected the name of a store, found ${described(store)}`)
    const { end } = tokens.expect(">", "behind the store's name")
    return { kind: "named", name, store: store.text, storeSpan: { at: store.at, end: store.end }, at, end }
  }
  if (tokens.take(".")) {
    const parameter = tokens.next()
    if (parameter.kind !== "name") throw mistake("syntax", parameter, `expected the name of a parameter, found ${described(parameter)}`)
    return { kind: "parameterOf", component: name, parameter: parameter.text, at, end: parameter.end }
  }
  return { kind: "named", name, at, end: tokens.lastEnd }
}

function struct(tokens: Tokens, at: number, depth: number): TypeSyntax {
  const fields: Array<StructFieldSyntax> = []
  while (!tokens.sees("}")) {
    const name = tokens.next()
    if (name.kind !== "name" && name.kind !== "string")
      throw mistake("syntax", name, `expected the name of a field, found ${described(name)}`)
    if (fields.some((field) => field.name === name.text)) throw mistake("duplicate", name, `field "${name.text}" is declared twice`)
    const optional = tokens.take("?")
    tokens.expect(":", `behind the field "${name.text}"`)
    fields.push({ name: name.text, nameSpan: { at: name.at, end: name.end }, optional, type: union(tokens, depth + 1) })
    if (!tokens.take(",") && !tokens.take(";") && !tokens.sees("}")) {
      throw mistake("syntax", tokens.peek(), `expected "," or "}" behind the field "${name.text}", found ${described(tokens.peek())}`)
    }
  }
  return { kind: "struct", fields, at, end: tokens.next().end }
}
