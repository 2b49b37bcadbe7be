/**
 * A compiled template as one generated function that writes bytes.
 *
 * Invariants
 * - See `GenerateExpression.ts`: nothing of the author becomes code. Literal HTML goes in as numbers (eight bytes a store) or as a
 *   constant array.
 * - The generated function is `(page, q, slot, named, …parameters) => q`. Page, offset and slots are all it can reach besides its constants.
 * - What is hot is written out rather than called: a generated function is too large for the engine to inline much into it.
 * - Literals are written in whole words; the bytes behind a literal are garbage until the next write, within the sink's slack.
 */
import { skipValue, textEnd, viewOf } from "../Bson/View.ts"
import { attributesPrinter } from "./Attributes.ts"
import type { CompiledExpression, CompiledNode, CompiledTemplate } from "./Compiled.ts"
import { escapeText } from "./CompiledNodes.ts"
import { ExpressionSource } from "./GenerateExpression.ts"
import { ListCursor, itemOf, lengthOf } from "./Lists.ts"
import { compileLayout, Locator } from "./Locator.ts"
import { Paths, type Place } from "./Paths.ts"
import {
  checkAddress,
  printAt,
  printFixed,
  printFixedAt,
  printInteger,
  printMoney,
  printMoneyAt,
  printString,
  printValue,
  repeat
} from "./Print.ts"
import { printAs } from "./PrintForms.ts"
import type { TemplateTable, Writer } from "./Program.ts"
import {
  add,
  coalesce,
  divide,
  equal,
  field,
  multiply,
  negate,
  order,
  read,
  Reference,
  remainder,
  sameText,
  shownAt,
  subtract,
  trueAt,
  truth
} from "./Values.ts"

/** What generated code may call, by the names it uses. */
const runtime = {
  add,
  coalesce,
  divide,
  equal,
  field,
  multiply,
  negate,
  order,
  read,
  Reference,
  remainder,
  sameText,
  shownAt,
  subtract,
  trueAt,
  truth,
  ListCursor,
  itemOf,
  lengthOf,
  checkAddress,
  printAt,
  printFixed,
  printFixedAt,
  printInteger,
  printMoney,
  printMoneyAt,
  printString,
  printValue,
  repeat,
  textEnd,
  skipValue,
  viewOf,
  noBytes: new Uint8Array(0),
  noView: new DataView(new ArrayBuffer(0))
}

/** Literals beyond this are copied from an array instead of written word by word. */
const inlineBytesMax = 192

/** Generates the writer of a template. */
export function generate(template: CompiledTemplate, table: TemplateTable): Writer {
  const source = new TemplateSource(template, table)
  const body = source.template()
  const names = Object.keys(runtime)
  const { constants } = source.expressions
  const code = [
    `const { ${names.join(", ")} } = runtime;`,
    constants.map((_, index) => `const k${index} = constants[${index}];`).join(""),
    `return function template(${["page", "q", "slot", "named", ...template.parameters.map((_, index) => `b${index}`)].join(", ")}) {`,
    ...body,
    "return q;",
    "}"
  ].join("\n")
  const make = new Function("runtime", "constants", "F", code) as (...parts: ReadonlyArray<unknown>) => Writer
  return make(runtime, constants, source.found)
}

class TemplateSource {
  readonly expressions: ExpressionSource
  private readonly compiled: CompiledTemplate
  private readonly table: TemplateTable
  /** Where all locators of the template leave what they found, until the next one runs. */
  readonly found: Int32Array
  private lines: Array<string> = []
  private names = 0
  /** Where the page has the values that are printed more than once, by place: for as long as that is certain. */
  private copies: ReadonlyMap<number, string> = new Map()

  constructor(template: CompiledTemplate, table: TemplateTable) {
    this.compiled = template
    this.table = table
    this.expressions = new ExpressionSource(new Paths(template))
    this.found = new Int32Array(2 * this.expressions.paths.fieldsMax)
  }

  template(): ReadonlyArray<string> {
    for (const index of this.compiled.parameters.keys()) this.parameter(index)
    this.nodes(this.compiled.body)
    return this.lines
  }

  private fresh(): string {
    return String(this.names++)
  }

  /** Unpacks a parameter whose fields are used. */
  private parameter(index: number): void {
    const place = this.expressions.paths.roots.get(index)
    if (place === undefined || place.fields.size === 0) return
    const { number } = place
    this.lines.push(
      `let u${number} = noBytes, v${number} = noView, t${number} = 0, p${number} = 0;`,
      `if (b${index} instanceof Reference) { u${number} = b${index}.bytes; v${number} = viewOf(u${number}); t${number} = b${index}.type; p${number} = b${index}.at; }`
    )
    this.locate(place)
  }

  /** Finds the used fields of the document at a place, then the fields of those. */
  private locate(place: Place): void {
    if (place.fields.size === 0) return
    const fields = [...place.fields]
    const locator = this.expressions.constant(
      new Locator(
        fields.map(([name]) => name),
        this.found,
        compileLayout
      )
    )
    this.lines.push(`let ${fields.map(([, { number }]) => `t${number} = 0, p${number} = 0`).join(", ")};`)
    const taken = fields.map(([, { number }], index) => `t${number} = F[${2 * index}]; p${number} = F[${2 * index + 1}];`).join(" ")
    this.lines.push(`if (t${place.number} === 3) { ${locator}.find(u${place.root}, v${place.root}, p${place.number}); ${taken} }`)
    for (const [, inner] of fields) this.locate(inner)
  }

  private nodes(nodes: ReadonlyArray<CompiledNode>): void {
    this.block(() => {
      for (const node of nodes) this.node(node)
    })
  }

  /** What is printed in a block may not have been printed behind it. */
  private block(write: () => void): void {
    const before = this.copies
    write()
    this.copies = before
  }

  private node(node: CompiledNode): void {
    switch (node.node) {
      case "text":
        return this.text(node.text)
      case "print":
        if (node.as === undefined) return this.print(node.value)
        this.lines.push(`q = ${this.expressions.constant(printAs[node.as])}(page, q, ${this.expressions.value(node.value)});`)
        return
      case "url":
        return this.address(() => this.nodes(node.parts))
      case "attribute":
        return this.attribute(node)
      case "attributes": {
        const print = this.expressions.constant(attributesPrinter(node.element, node.except))
        this.lines.push(`q = ${print}(page, q, ${this.expressions.value(node.value)});`)
        return
      }
      case "classes":
        return this.classes(node)
      case "if":
        return this.if(node)
      case "for":
        return this.for(node)
      case "let":
        if (this.expressions.paths.of(node.value) === undefined)
          this.lines.push(`const x${node.variable} = ${this.expressions.value(node.value)};`)
        return
      case "component":
        return this.component(node)
      case "slot":
        return this.slot(node)
    }
  }

  private text(text: string): void {
    const bytes = new TextEncoder().encode(text)
    const { length } = bytes
    this.lines.push(`if (q + ${length} > page.limit) page.room(q, ${length});`)
    if (length > inlineBytesMax) {
      this.lines.push(`page.out.set(${this.expressions.constant(bytes)}, q); q += ${length};`)
      return
    }
    const padded = new Uint8Array(Math.ceil(length / 8) * 8).fill(0x20)
    padded.set(bytes)
    const words = new DataView(padded.buffer)
    const stores: Array<string> = []
    for (let at = 0; at < length; at += 8) stores.push(wordStores(words, at, length))
    this.lines.push(`{ const w = page.view; ${stores.join(" ")} q += ${length}; }`)
  }

  private print(value: CompiledExpression): void {
    const { expressions } = this
    const located = this.located(value)
    if (located !== undefined) this.printPlace(located)
    else if (value.op === "choose") {
      this.lines.push(`if (${expressions.test(value.test)}) {`)
      this.block(() => this.print(value.yes))
      this.lines.push("} else {")
      this.block(() => this.print(value.no))
      this.lines.push("}")
    } else if (value.op === "pipe" && value.pipe === "money") {
      const currency = value.arguments[0]
      this.printNumber("printMoney", value.of, `, ${currency === undefined ? "null" : expressions.value(currency)}`)
    } else if (value.op === "pipe" && value.pipe === "number" && value.arguments.length === 1 && isTwo(value.arguments[0])) {
      this.printNumber("printFixed", value.of, "")
    } else this.lines.push(`q = printValue(page, q, ${expressions.value(value)});`)
  }

  /** A value where it lies; the second time it is copied from the page. */
  private printPlace({ number, root }: Place): void {
    const copy = this.copies.get(number)
    if (copy !== undefined) {
      this.lines.push(`q = repeat(page, q, r${copy}, z${copy});`)
      return
    }
    const source = `u${root}, v${root}`
    const print = `t${number} === 2 ? printString(page, q, ${source}, p${number}) : t${number} === 16 ? printInteger(page, q, v${root}, p${number}) : printAt(page, q, ${source}, t${number}, p${number})`
    if ((this.expressions.paths.printed.get(number) ?? 0) < 2) {
      this.lines.push(`q = ${print};`)
      return
    }
    const name = this.fresh()
    this.lines.push(`const r${name} = q; q = ${print}; const z${name} = q;`)
    this.copies = new Map([...this.copies, [number, name]])
  }

  private printNumber(name: "printFixed" | "printMoney", value: CompiledExpression, rest: string): void {
    const located = this.located(value)
    if (located === undefined) this.lines.push(`q = ${name}(page, q, ${this.expressions.value(value)}${rest});`)
    else this.lines.push(`q = ${name}At(page, q, u${located.root}, v${located.root}, t${located.number}, p${located.number}${rest});`)
  }

  /** The place of a path, unless it is a whole parameter: those are values. */
  private located(value: CompiledExpression): Place | undefined {
    const place = this.expressions.paths.of(value)
    return place === undefined || this.expressions.parameterAt(place) !== undefined ? undefined : place
  }

  /** Writes an address and looks at the whole of it. */
  private address(write: () => void): void {
    const start = `s${this.fresh()}`
    this.lines.push(`const ${start} = q;`)
    write()
    this.lines.push(`q = checkAddress(page, ${start}, q);`)
  }

  private attribute(node: Extract<CompiledNode, { node: "attribute" }>): void {
    const { expressions } = this
    const place = node.as === undefined ? this.located(node.value) : undefined
    const value = `y${this.fresh()}`
    if (place !== undefined) this.lines.push(`if (shownAt(${expressions.at(place)})) {`)
    else this.lines.push(`const ${value} = ${expressions.value(node.value)}; if (${value} !== null && ${value} !== false) {`)
    this.text(` ${node.name}`)
    this.lines.push(place !== undefined ? `if (t${place.number} !== 8) {` : `if (${value} !== true) {`)
    this.text('="')
    const write = () => {
      if (place !== undefined) this.printPlace(place)
      else if (node.as !== undefined) this.lines.push(`q = ${expressions.constant(printAs[node.as])}(page, q, ${value});`)
      else this.lines.push(`q = printValue(page, q, ${value});`)
    }
    this.block(() => (node.url === true ? this.address(write) : write()))
    this.text('"')
    this.lines.push("} }")
  }

  private classes(node: Extract<CompiledNode, { node: "classes" }>): void {
    const { expressions } = this
    const any = `c${this.fresh()}`
    this.lines.push(`let ${any} = false;`)
    for (const { name, test } of node.entries) {
      const literal = name.op === "literal"
      const value = `y${this.fresh()}`
      const tests = test === undefined ? [] : [expressions.test(test)]
      if (!literal) {
        this.lines.push(`const ${value} = ${expressions.value(name)};`)
        tests.push(`truth(${value})`)
      }
      this.lines.push(`if (${tests.length === 0 ? "true" : tests.join(" && ")}) {`, `if (${any}) {`)
      this.text(" ")
      this.lines.push("} else {")
      this.text(' class="')
      this.lines.push("}")
      this.lines.push(`${any} = true;`)
      if (literal) this.text(escapeText(String(name.value ?? "")))
      else this.lines.push(`q = printValue(page, q, ${value});`)
      this.lines.push("}")
    }
    this.lines.push(`if (${any}) {`)
    this.text('"')
    this.lines.push("}")
  }

  private if(node: Extract<CompiledNode, { node: "if" }>): void {
    for (const [index, { test, body }] of node.branches.entries()) {
      this.lines.push(`${index === 0 ? "" : "} else "}if (${this.expressions.test(test)}) {`)
      this.nodes(body)
    }
    this.lines.push("} else {")
    this.nodes(node.otherwise)
    this.lines.push("}")
  }

  private for(node: Extract<CompiledNode, { node: "for" }>): void {
    const { expressions } = this
    const item = expressions.paths.roots.get(node.item)!
    const count = `n${this.fresh()}`
    const list = this.located(node.list)
    this.lines.push(`let ${count} = 0;`)
    if (list !== undefined) this.openArray(list, item)
    else this.openList(expressions.value(node.list), item)
    if (node.index !== undefined) this.lines.push(`const x${node.index} = ${count};`)
    this.lines.push(`${count}++;`)
    this.locate(item)
    this.nodes(node.body)
    this.lines.push(list !== undefined ? "} }" : "}", `if (${count} === 0) {`)
    this.nodes(node.otherwise)
    this.lines.push("}")
  }

  /** Goes through an array where it lies. */
  private openArray(list: Place, item: Place): void {
    const { number: n } = item
    const at = `a${n}`
    this.lines.push(
      `if (t${list.number} === 4) { const u${n} = u${list.root}, v${n} = v${list.root}, e${n} = p${list.number} + v${n}.getInt32(p${list.number}, true) - 1;`,
      `for (let ${at} = p${list.number} + 4; ${at} < e${n};) { if (--page.steps < 0) page.spend(0);`,
      `const t${n} = u${n}[${at}], p${n} = u${n}[${at} + 2] === 0 ? ${at} + 3 : textEnd(u${n}, ${at} + 1) + 1;`,
      `${at} = t${n} === 3 ? p${n} + v${n}.getInt32(p${n}, true) : skipValue(u${n}, t${n}, p${n});`
    )
  }

  private openList(list: string, item: Place): void {
    const { number: n } = item
    this.lines.push(
      `const l${n} = new ListCursor(page, ${list});`,
      `while (l${n}.next()) { const u${n} = l${n}.bytes, v${n} = l${n}.view, t${n} = l${n}.type, p${n} = l${n}.at;`
    )
  }

  private slot(node: Extract<CompiledNode, { node: "slot" }>): void {
    if (node.name === undefined) this.lines.push("if (slot !== null) { q = slot(q); } else {")
    else {
      const given = `g${this.fresh()}`
      this.lines.push(`const ${given} = named === null ? undefined : named.get(${this.expressions.constant(node.name)});`)
      this.lines.push(`if (${given} !== undefined) { q = ${given}(q); } else {`)
    }
    this.nodes(node.otherwise)
    this.lines.push("}")
  }

  /** Markup of a call as a function that its callee runs. */
  private given(nodes: ReadonlyArray<CompiledNode>): string {
    const name = `h${this.fresh()}`
    this.lines.push(`const ${name} = (q) => {`)
    this.nodes(nodes)
    this.lines.push("return q; };")
    return name
  }

  private component(node: Extract<CompiledNode, { node: "component" }>): void {
    const callee = this.table.get(node.template)
    if (callee === undefined) return
    const given = callee.parameters.map((parameter, index) => {
      const argument = node.arguments[index] ?? null
      return argument === null
        ? this.expressions.value({ op: "literal", value: parameter.initial ?? null })
        : this.expressions.value(argument)
    })
    const name = this.expressions.constant(callee)
    const slot = node.children === undefined ? "null" : this.given(node.children)
    const slots = node.slots?.map(({ name, body }) => `[${this.expressions.constant(name)}, ${this.given(body)}]`)
    const named = slots === undefined ? "null" : `new Map([${slots.join(", ")}])`
    this.lines.push(`if (--page.steps < 0) page.spend(0); q = ${name}.write(${["page", "q", slot, named, ...given].join(", ")});`)
  }
}

function isTwo(expression: CompiledExpression | undefined): boolean {
  return expression?.op === "literal" && expression.value === 2
}

/** Smaller doubles are denormal, and processors take a hundred times as long for those. */
const normalMin = 2.2250738585072014e-308

/** Stores eight bytes of a literal at `q + at`: as one double where that is exact and quick, else as two words. */
function wordStores(words: DataView, at: number, length: number): string {
  const double = words.getFloat64(at, true)
  if (length - at > 4 && Number.isFinite(double) && Math.abs(double) >= normalMin) return `w.setFloat64(q + ${at}, ${double}, true);`
  const low = `w.setInt32(q + ${at}, ${words.getInt32(at, true)}, true);`
  return length - at > 4 ? `${low} w.setInt32(q + ${at + 4}, ${words.getInt32(at + 4, true)}, true);` : low
}
