/**
 * A checked template as plain JSON: what `planck build` puts into a module and what the host renders from.
 *
 * Invariants
 * - No types and no source are left: whoever renders looks at the actual type of each value, so mistyped data can never do more
 *   than print differently.
 * - Variables are numbered: the parameters are 0 … n-1 in their order, loops and `{let}` count on, no number is used twice.
 * - `version` changes whenever an old host would render a set differently or not at all.
 */
import type { BinaryOperator, LiteralValue, UnaryOperator } from "./Syntax.ts"

export const compiledVersion = 2
/** Versions that this host renders; a set of version 1 has fewer kinds of nodes. */
export const compiledVersions: ReadonlyArray<number> = [1, compiledVersion]

/** All templates of one module. Calls only go to templates of the set, never in a circle. */
export interface TemplateSet {
  readonly version: 1 | typeof compiledVersion
  readonly templates: ReadonlyArray<CompiledTemplate>
}

export interface CompiledTemplate {
  /** Path of the file relative to the service's folder: `templates/orders.zsx`; of a fragment `templates/orders.zsx#row`. */
  readonly name: string
  readonly parameters: ReadonlyArray<CompiledParameter>
  readonly body: ReadonlyArray<CompiledNode>
}

export interface CompiledParameter {
  readonly name: string
  /** As declared, for people. */
  readonly type: string
  readonly required: boolean
  /** Whether the rows of a query may stand here. */
  readonly list: boolean
  /** Value when none is given. */
  readonly initial?: LiteralValue
}

export type CompiledNode =
  /** HTML as it is. */
  | { readonly node: "text"; readonly text: string }
  /** A value, escaped: right in texts and in quoted attribute values; or in another form. */
  | { readonly node: "print"; readonly value: CompiledExpression; readonly as?: PrintForm }
  /** A whole address out of texts and values; replaced when its scheme is not harmless. */
  | { readonly node: "url"; readonly parts: ReadonlyArray<CompiledNode> }
  /** ` name="value"`; nothing when the value is missing or false, ` name` when it is true. */
  | {
      readonly node: "attribute"
      readonly name: string
      readonly value: CompiledExpression
      readonly url?: true
      readonly as?: PrintForm
    }
  /** An attribute for each field of a document, as far as they are harmless on this element, but for those named in `except`. */
  | { readonly node: "attributes"; readonly value: CompiledExpression; readonly element: string; readonly except: ReadonlyArray<string> }
  /** ` class="…"` of the entries whose test holds; nothing when there are none. */
  | { readonly node: "classes"; readonly entries: ReadonlyArray<CompiledClass> }
  | { readonly node: "if"; readonly branches: ReadonlyArray<CompiledBranch>; readonly otherwise: ReadonlyArray<CompiledNode> }
  | {
      readonly node: "for"
      readonly item: number
      readonly index?: number
      readonly list: CompiledExpression
      readonly body: ReadonlyArray<CompiledNode>
      readonly otherwise: ReadonlyArray<CompiledNode>
    }
  /** Holds for the siblings behind it. */
  | { readonly node: "let"; readonly variable: number; readonly value: CompiledExpression }
  /** A call: one argument a parameter, null for those not given; `children` and what is given to `slots` see the caller's variables. */
  | {
      readonly node: "component"
      readonly template: string
      readonly arguments: ReadonlyArray<CompiledExpression | null>
      readonly children?: ReadonlyArray<CompiledNode>
      readonly slots?: ReadonlyArray<CompiledSlot>
    }
  /** The children of the call, or what it gave to the slot of this name; `otherwise` when there is none. */
  | { readonly node: "slot"; readonly name?: string; readonly otherwise: ReadonlyArray<CompiledNode> }

/** Markup for the slot of a name. */
export interface CompiledSlot {
  readonly name: string
  readonly body: ReadonlyArray<CompiledNode>
}

export const printForms = [
  "raw",
  "script",
  "scriptAttribute",
  "scriptText",
  "style",
  "styleText",
  "styleAddress",
  "candidate",
  "addresses",
  "page"
] as const

/**
 * How a value is written where the usual escape is not right.
 * - `raw`: as it is.
 * - `script`, `scriptAttribute`: a value of JavaScript or JSON, in `<script>` and in attributes; `scriptText`: text inside of its quotes.
 * - `style`: words, numbers and colours; `styleText`: text inside of quotes; `styleAddress`: an address inside of quotes.
 * - `candidate`: one address of a list; `addresses`: a whole list.
 * - `page`: the text of a page inside of an attribute (`srcdoc`).
 */
export type PrintForm = (typeof printForms)[number]

export interface CompiledBranch {
  readonly test: CompiledExpression
  readonly body: ReadonlyArray<CompiledNode>
}

export interface CompiledClass {
  readonly name: CompiledExpression
  readonly test?: CompiledExpression
}

export type CompiledExpression =
  | { readonly op: "literal"; readonly value: LiteralValue }
  | { readonly op: "variable"; readonly variable: number }
  | { readonly op: "field"; readonly of: CompiledExpression; readonly name: string }
  | { readonly op: "index"; readonly of: CompiledExpression; readonly index: CompiledExpression }
  | { readonly op: "length"; readonly of: CompiledExpression }
  | { readonly op: "unary"; readonly operator: UnaryOperator; readonly of: CompiledExpression }
  | {
      readonly op: "binary"
      readonly operator: BinaryOperator
      readonly left: CompiledExpression
      readonly right: CompiledExpression
    }
  | { readonly op: "choose"; readonly test: CompiledExpression; readonly yes: CompiledExpression; readonly no: CompiledExpression }
  | {
      readonly op: "pipe"
      readonly pipe: string
      readonly of: CompiledExpression
      readonly arguments: ReadonlyArray<CompiledExpression>
    }
