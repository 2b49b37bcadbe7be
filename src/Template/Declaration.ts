/**
 * The `.d.zsx.ts` text of a template: what `import page from "./page.zsx"` is to a TypeScript service.
 *
 * Invariants
 * - The text depends on the template's signature only, so an unchanged template gives unchanged bytes.
 * - Types are structural: a document with more fields fits, and so does the query builder of a store whose documents fit.
 */
import type { TemplateSignature } from "./Signature.ts"
import { mayBeNull, membersOf, presentType, type StaticType } from "./StaticType.ts"

/** Types of the guest SDK that a declaration may need, in the order of its import. */
const sdkTypes = ["Template", "Rows", "Key", "Decimal", "Uuid", "ObjectId"] as const

/**
 * The declaration of a template.
 *
 * @example
 * ```ts
 * declaration(signature)
 * // import type { Template, Rows, Key, Decimal } from "@planckdb/planck/guest"
 * // declare const template: Template<{ … }>
 * // export default template
 * ```
 */
export function declaration(signature: TemplateSignature, module = "@planckdb/planck/guest"): string {
  const text = new DeclarationText()
  const whole = `Template<${text.parameters(signature, 0)}>`
  const fragments = [...signature.fragments].map(([name, fragment]) => {
    return `  readonly ${property(name)}: Template<${text.parameters(fragment, 1)}>\n`
  })
  const type = fragments.length === 0 ? whole : `${whole} & {\n${fragments.join("")}}`
  const imported = sdkTypes.filter((name) => text.used.has(name))
  return [
    `// Made from ${signature.name}. Do not edit.`,
    `import type { ${imported.join(", ")} } from ${JSON.stringify(module)}`,
    "",
    `declare const template: ${type}`,
    "export default template",
    ""
  ].join("\n")
}

class DeclarationText {
  readonly used = new Set<string>(["Template"])

  private sdk(name: (typeof sdkTypes)[number]): string {
    this.used.add(name)
    return name
  }

  /** What a template or fragment takes, as one object. */
  parameters(signature: TemplateSignature, depth: number): string {
    const indent = "  ".repeat(depth)
    const members = signature.parameters.map((parameter) => {
      const optional = !parameter.required
      const present = optional ? presentType(parameter.type) : parameter.type
      const type = this.parameter(present, parameter.list, depth + 1)
      return `${indent}  readonly ${property(parameter.name)}${optional ? "?" : ""}: ${type}${optional ? " | null | undefined" : ""}\n`
    })
    return members.length === 0 ? "{}" : `{\n${members.join("")}${indent}}`
  }

  /** The type of a parameter; where rows are listed, a query may stand in place of a list (`Rows` is either). */
  parameter(type: StaticType, list: boolean, depth: number): string {
    if (!list) return this.type(type, depth)
    return membersOf(type)
      .map((member) =>
        member.kind === "list" ? `${this.sdk("Rows")}<${this.type(presentType(member.items), depth)}>` : this.type(member, depth)
      )
      .join(" | ")
  }

  private type(type: StaticType, depth: number): string {
    switch (type.kind) {
      case "int":
      case "number":
        return "number"
      case "long":
        return "bigint | number"
      case "date":
        return "Date"
      case "binary":
        return "Uint8Array"
      case "any":
        return "unknown"
      case "decimal":
        return this.sdk("Decimal")
      case "uuid":
        return this.sdk("Uuid")
      case "objectId":
        return this.sdk("ObjectId")
      case "key":
        return type.store === undefined ? this.sdk("Key") : `${this.sdk("Key")}<${JSON.stringify(type.store)}>`
      case "literals":
        return type.values.map((value) => JSON.stringify(value)).join(" | ")
      case "list":
        return `ReadonlyArray<${this.type(type.items, depth)}>`
      case "record":
        return `{ readonly [name: string]: ${this.type(type.values, depth)} }`
      case "union":
        return type.members.map((member) => this.type(member, depth)).join(" | ")
      case "struct":
        return this.struct(type.fields, depth)
      default:
        return type.kind
    }
  }

  private struct(fields: ReadonlyMap<string, StaticType>, depth: number): string {
    const indent = "  ".repeat(depth)
    const members = [...fields].map(([name, type]) => {
      const optional = mayBeNull(type) && type.kind !== "any"
      const written = this.type(optional ? presentType(type) : type, depth + 1)
      return `${indent}  readonly ${property(name)}${mayBeNull(type) ? "?" : ""}: ${written}${optional ? " | null | undefined" : ""}\n`
    })
    return members.length === 0 ? "{}" : `{\n${members.join("")}${indent}}`
  }
}

function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
}
