/**
 * The host's check of a compiled set that came in a module.
 *
 * Invariants
 * - Modules are untrusted: nothing is believed but plain JSON of the known shape, with known operators and pipes, bounded depth, size
 *   and call chains, and variables that exist where they are used.
 * - What passes can be prepared and rendered without any other failure than the budgets of `Page`.
 */
import { Fault } from "../Fault/Fault.ts"
import { compiledVersions, printForms, type TemplateSet } from "./Compiled.ts"
import {
  callDepthMax,
  compiledNodesMax,
  compiledTextMax,
  expressionTokensMax,
  markupDepthMax,
  templatesMax,
  variablesMax
} from "./Limits.ts"
import { decimalsMax, isPipe } from "./Pipes.ts"

/** Why a set was refused: where in the data, and what is wrong there. */
export interface InvalidTemplateSet {
  readonly _tag: "InvalidTemplateSet"
  readonly path: string
  readonly message: string
}

function refuse(path: string, message: string): Fault<InvalidTemplateSet> {
  return new Fault<InvalidTemplateSet>({ _tag: "InvalidTemplateSet", path, message: `${path === "" ? "templates" : path}: ${message}` })
}

/**
 * Checks the parsed JSON of a `planck.templates` section. Faults with InvalidTemplateSet.
 *
 * @example
 * ```ts
 * const renderer = prepare(admitTemplates(JSON.parse(text)))
 * ```
 */
export function admitTemplates(data: unknown): TemplateSet {
  new Admission().set(data)
  return data as TemplateSet
}

type Members = Readonly<Record<string, unknown>>

const binaryOperators = new Set(
  "or and coalesce equal notEqual less lessOrEqual greater greaterOrEqual add subtract multiply divide remainder".split(" ")
)
const attributeName = /^[^\s"'<>/={}\p{Cc}]+$/u
/** A flat chain may be as deep as an expression has tokens. */
const expressionDepth = expressionTokensMax

class Admission {
  private nodesLeft = compiledNodesMax
  private textLeft = compiledTextMax
  private readonly names = new Map<string, number>()
  private readonly calls = new Map<string, Set<string>>()
  private current = ""
  /** Variables that exist at the node being looked at, in the order in which they appeared. */
  private visible: Array<number> = []
  private visibleSet = new Set<number>()
  private used = new Set<number>()

  set(data: unknown): void {
    const set = this.object(data, "", ["version", "templates"])
    if (!compiledVersions.includes(set.version as number))
      throw refuse("version", `this host renders versions ${compiledVersions.join(" and ")}, not ${JSON.stringify(set.version)}`)
    const templates = this.list(set.templates, "templates", templatesMax)
    for (const [index, template] of templates.entries()) this.header(template, `templates[${index}]`)
    for (const [index, template] of templates.entries()) this.template(template as Members, `templates[${index}]`)
    this.refuseCircles()
  }

  private header(data: unknown, path: string): void {
    const template = this.object(data, path, ["name", "parameters", "body"])
    const name = this.text(template.name, `${path}.name`)
    if (name === "" || this.names.has(name)) throw refuse(`${path}.name`, "a name is empty or used twice")
    const parameters = this.list(template.parameters, `${path}.parameters`, variablesMax)
    const known = new Set<string>()
    for (const [index, parameter] of parameters.entries()) this.parameter(parameter, `${path}.parameters[${index}]`, known)
    this.names.set(name, parameters.length)
  }

  private parameter(data: unknown, path: string, known: Set<string>): void {
    const parameter = this.object(data, path, ["name", "type", "required", "list"], ["initial"])
    const name = this.text(parameter.name, `${path}.name`)
    if (name === "" || known.has(name)) throw refuse(`${path}.name`, "a name is empty or used twice")
    known.add(name)
    this.text(parameter.type, `${path}.type`)
    if (typeof parameter.required !== "boolean" || typeof parameter.list !== "boolean") throw refuse(path, "required and list are booleans")
    if ("initial" in parameter) this.literal(parameter.initial, `${path}.initial`)
  }

  private template(template: Members, path: string): void {
    this.current = template.name as string
    this.calls.set(this.current, new Set())
    const count = this.names.get(this.current) ?? 0
    this.visible = Array.from({ length: count }, (_, index) => index)
    this.visibleSet = new Set(this.visible)
    this.used = new Set(this.visible)
    this.nodes(template.body, `${path}.body`, 0)
  }

  /** Siblings: variables that appear among them are gone behind them. */
  private nodes(data: unknown, path: string, depth: number): void {
    if (depth > 2 * markupDepthMax) throw refuse(path, `nested deeper than ${2 * markupDepthMax}`)
    const before = this.visible.length
    for (const [index, node] of this.list(data, path, compiledNodesMax).entries()) this.node(node, `${path}[${index}]`, depth)
    this.forget(before)
  }

  /** Leaves only the first `count` variables visible. */
  private forget(count: number): void {
    for (const variable of this.visible.splice(count)) this.visibleSet.delete(variable)
  }

  private node(data: unknown, path: string, depth: number): void {
    this.count(path)
    const kind = (data as Members | null)?.node
    switch (kind) {
      case "text":
        this.text(this.object(data, path, ["node", "text"]).text, `${path}.text`)
        return
      case "print":
        return this.print(data, path)
      case "url":
        return this.url(data, path)
      case "attribute":
        return this.attribute(data, path)
      case "attributes":
        return this.attributes(data, path)
      case "classes":
        return this.classes(data, path)
      case "if":
        return this.if(data, path, depth)
      case "for":
        return this.for(data, path, depth)
      case "let": {
        const node = this.object(data, path, ["node", "variable", "value"])
        this.expression(node.value, `${path}.value`, 0)
        return this.variable(node.variable, `${path}.variable`)
      }
      case "component":
        return this.component(data, path, depth)
      case "slot":
        return this.slot(data, path, depth)
      default:
        throw refuse(path, `unknown node ${JSON.stringify(kind) ?? "undefined"}`)
    }
  }

  private print(data: unknown, path: string): void {
    const node = this.object(data, path, ["node", "value"], ["as"])
    if ("as" in node) this.form(node.as, path)
    this.expression(node.value, `${path}.value`, 0)
  }

  private form(as: unknown, path: string): void {
    if (!printForms.some((form) => form === as)) throw refuse(`${path}.as`, "unknown form")
  }

  private attributes(data: unknown, path: string): void {
    const node = this.object(data, path, ["node", "value", "element", "except"])
    this.text(node.element, `${path}.element`)
    for (const [index, name] of this.list(node.except, `${path}.except`, variablesMax).entries())
      this.text(name, `${path}.except[${index}]`)
    this.expression(node.value, `${path}.value`, 0)
  }

  private slot(data: unknown, path: string, depth: number): void {
    const node = this.object(data, path, ["node", "otherwise"], ["name"])
    if ("name" in node) this.text(node.name, `${path}.name`)
    this.nodes(node.otherwise, `${path}.otherwise`, depth + 1)
  }

  private url(data: unknown, path: string): void {
    const node = this.object(data, path, ["node", "parts"])
    for (const [index, part] of this.list(node.parts, `${path}.parts`, compiledNodesMax).entries()) {
      const kind = (part as Members | null)?.node
      if (kind !== "text" && kind !== "print") throw refuse(`${path}.parts[${index}]`, "an address is made of texts and values only")
      this.node(part, `${path}.parts[${index}]`, 0)
    }
  }

  private attribute(data: unknown, path: string): void {
    const node = this.object(data, path, ["node", "name", "value"], ["url", "as"])
    if ("as" in node) this.form(node.as, path)
    if (!attributeName.test(this.text(node.name, `${path}.name`))) throw refuse(`${path}.name`, "this cannot be an attribute's name")
    if ("url" in node && node.url !== true) throw refuse(`${path}.url`, "url is true or absent")
    this.expression(node.value, `${path}.value`, 0)
  }

  private classes(data: unknown, path: string): void {
    const node = this.object(data, path, ["node", "entries"])
    for (const [index, data] of this.list(node.entries, `${path}.entries`, compiledNodesMax).entries()) {
      const entry = this.object(data, `${path}.entries[${index}]`, ["name"], ["test"])
      this.expression(entry.name, `${path}.entries[${index}].name`, 0)
      if ("test" in entry) this.expression(entry.test, `${path}.entries[${index}].test`, 0)
    }
  }

  private if(data: unknown, path: string, depth: number): void {
    const node = this.object(data, path, ["node", "branches", "otherwise"])
    const branches = this.list(node.branches, `${path}.branches`, compiledNodesMax)
    if (branches.length === 0) throw refuse(`${path}.branches`, "an if has a branch")
    for (const [index, data] of branches.entries()) {
      const branch = this.object(data, `${path}.branches[${index}]`, ["test", "body"])
      this.expression(branch.test, `${path}.branches[${index}].test`, 0)
      this.nodes(branch.body, `${path}.branches[${index}].body`, depth + 1)
    }
    this.nodes(node.otherwise, `${path}.otherwise`, depth + 1)
  }

  private for(data: unknown, path: string, depth: number): void {
    const node = this.object(data, path, ["node", "item", "list", "body", "otherwise"], ["index"])
    this.expression(node.list, `${path}.list`, 0)
    this.nodes(node.otherwise, `${path}.otherwise`, depth + 1)
    const before = this.visible.length
    this.variable(node.item, `${path}.item`)
    if ("index" in node) this.variable(node.index, `${path}.index`)
    this.nodes(node.body, `${path}.body`, depth + 1)
    this.forget(before)
  }

  private component(data: unknown, path: string, depth: number): void {
    const node = this.object(data, path, ["node", "template", "arguments"], ["children", "slots"])
    const name = this.text(node.template, `${path}.template`)
    const parameters = this.names.get(name)
    if (parameters === undefined) throw refuse(`${path}.template`, `there is no template ${JSON.stringify(name)}`)
    this.calls.get(this.current)?.add(name)
    const given = this.list(node.arguments, `${path}.arguments`, variablesMax)
    if (given.length !== parameters) throw refuse(`${path}.arguments`, `${name} takes ${parameters} arguments, not ${given.length}`)
    for (const [index, argument] of given.entries()) if (argument !== null) this.expression(argument, `${path}.arguments[${index}]`, 0)
    if ("children" in node) this.nodes(node.children, `${path}.children`, depth + 1)
    if (!("slots" in node)) return
    for (const [index, data] of this.list(node.slots, `${path}.slots`, variablesMax).entries()) {
      const slot = this.object(data, `${path}.slots[${index}]`, ["name", "body"])
      this.text(slot.name, `${path}.slots[${index}].name`)
      this.nodes(slot.body, `${path}.slots[${index}].body`, depth + 1)
    }
  }

  private expression(data: unknown, path: string, depth: number): void {
    this.count(path)
    if (depth > expressionDepth) throw refuse(path.slice(0, 200), `nested deeper than ${expressionDepth}`)
    const inner = (members: Members, name: string) => this.expression(members[name], `${path}.${name}`, depth + 1)
    const op = (data as Members | null)?.op
    switch (op) {
      case "literal":
        return this.literal(this.object(data, path, ["op", "value"]).value, `${path}.value`)
      case "variable": {
        const { variable } = this.object(data, path, ["op", "variable"])
        if (!this.visibleSet.has(variable as number)) throw refuse(`${path}.variable`, "there is no such variable here")
        return
      }
      case "field": {
        const members = this.object(data, path, ["op", "of", "name"])
        if (this.text(members.name, `${path}.name`).includes("\0")) throw refuse(`${path}.name`, "a field's name holds no NUL")
        return inner(members, "of")
      }
      case "length":
        return inner(this.object(data, path, ["op", "of"]), "of")
      case "index": {
        const members = this.object(data, path, ["op", "of", "index"])
        inner(members, "of")
        return inner(members, "index")
      }
      case "unary": {
        const members = this.object(data, path, ["op", "operator", "of"])
        if (members.operator !== "not" && members.operator !== "negate") throw refuse(`${path}.operator`, "unknown operator")
        return inner(members, "of")
      }
      case "binary": {
        const members = this.object(data, path, ["op", "operator", "left", "right"])
        if (typeof members.operator !== "string" || !binaryOperators.has(members.operator))
          throw refuse(`${path}.operator`, "unknown operator")
        inner(members, "left")
        return inner(members, "right")
      }
      case "choose": {
        const members = this.object(data, path, ["op", "test", "yes", "no"])
        for (const name of ["test", "yes", "no"]) inner(members, name)
        return
      }
      case "pipe":
        return this.pipe(this.object(data, path, ["op", "pipe", "of", "arguments"]), path, depth)
      default:
        throw refuse(path, `unknown expression ${JSON.stringify(op) ?? "undefined"}`)
    }
  }

  private pipe(members: Members, path: string, depth: number): void {
    const name = members.pipe
    if (typeof name !== "string" || !isPipe(name)) throw refuse(`${path}.pipe`, "unknown pipe")
    this.expression(members.of, `${path}.of`, depth + 1)
    const given = this.list(members.arguments, `${path}.arguments`, 3)
    for (const [index, argument] of given.entries()) this.expression(argument, `${path}.arguments[${index}]`, depth + 1)
    const decimals = given[0] as Members | undefined
    if (name !== "number" || decimals === undefined) return
    const value = decimals.op === "literal" ? decimals.value : undefined
    const whole = typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= decimalsMax
    if (!whole) throw refuse(`${path}.arguments[0]`, `decimals are a literal whole number from 0 to ${decimalsMax}`)
  }

  private variable(data: unknown, path: string): void {
    const fits = typeof data === "number" && Number.isInteger(data) && data >= 0 && data < variablesMax * 100
    if (!fits || this.used.has(data)) throw refuse(path, "a variable is a number that is used once")
    this.used.add(data)
    this.visible.push(data)
    this.visibleSet.add(data)
    if (this.visible.length > variablesMax) throw refuse(path, `more than ${variablesMax} variables at one place`)
  }

  private literal(data: unknown, path: string): void {
    if (typeof data === "string") this.text(data, path)
    else if (data !== null && typeof data !== "boolean" && !(typeof data === "number" && Number.isFinite(data))) {
      throw refuse(path, "a literal is a text, number, boolean or null")
    }
  }

  private text(data: unknown, path: string): string {
    if (typeof data !== "string" || !data.isWellFormed()) throw refuse(path, "expected text")
    this.textLeft -= data.length
    if (this.textLeft < 0) throw refuse(path, `more than ${compiledTextMax} characters of text`)
    return data
  }

  private list(data: unknown, path: string, lengthMax: number): ReadonlyArray<unknown> {
    if (!Array.isArray(data)) throw refuse(path, "expected a list")
    if (data.length > lengthMax) throw refuse(path, `more than ${lengthMax} entries`)
    return data
  }

  private object(data: unknown, path: string, required: ReadonlyArray<string>, optional: ReadonlyArray<string> = []): Members {
    if (typeof data !== "object" || data === null || Array.isArray(data)) throw refuse(path, "expected an object")
    for (const name of required) if (!Object.hasOwn(data, name)) throw refuse(path, `"${name}" is missing`)
    for (const name of Object.keys(data))
      if (!required.includes(name) && !optional.includes(name)) throw refuse(path, `unknown member ${JSON.stringify(name).slice(0, 60)}`)
    return data as Members
  }

  private count(path: string): void {
    if (--this.nodesLeft < 0) throw refuse(path.slice(0, 200), `more than ${compiledNodesMax} nodes and expressions`)
  }

  /** Calls may neither go in a circle nor be chained too long. */
  private refuseCircles(): void {
    const depths = new Map<string, number>()
    const visit = (name: string, chain: ReadonlyArray<string>): number => {
      const known = depths.get(name)
      if (known !== undefined) return known
      if (chain.includes(name)) throw refuse("templates", `templates call each other in a circle: ${[...chain, name].join(" → ")}`)
      if (chain.length > callDepthMax) throw refuse("templates", `more than ${callDepthMax} templates call one another in a chain`)
      let depth = 0
      for (const callee of this.calls.get(name) ?? []) depth = Math.max(depth, 1 + visit(callee, [...chain, name]))
      if (depth > callDepthMax) throw refuse("templates", `more than ${callDepthMax} templates call one another in a chain`)
      depths.set(name, depth)
      return depth
    }
    for (const name of this.names.keys()) visit(name, [])
  }
}
