/** The syntax tree of one template: what the author wrote, with the place of every part. No meaning yet. */
import type { Span } from "./Issue.ts"
import type { ProgramPlace } from "./ScriptScanner.ts"

export type BinaryOperator =
  | "or"
  | "and"
  | "coalesce"
  | "equal"
  | "notEqual"
  | "less"
  | "lessOrEqual"
  | "greater"
  | "greaterOrEqual"
  | "add"
  | "subtract"
  | "multiply"
  | "divide"
  | "remainder"

export type UnaryOperator = "not" | "negate"

export type LiteralValue = string | number | boolean | null

export type ExpressionSyntax = Span &
  (
    | { readonly kind: "literal"; readonly value: LiteralValue }
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "member"; readonly of: ExpressionSyntax; readonly name: string; readonly nameSpan: Span }
    | { readonly kind: "index"; readonly of: ExpressionSyntax; readonly index: ExpressionSyntax }
    | { readonly kind: "unary"; readonly operator: UnaryOperator; readonly of: ExpressionSyntax }
    | {
        readonly kind: "binary"
        readonly operator: BinaryOperator
        readonly symbol: string
        readonly left: ExpressionSyntax
        readonly right: ExpressionSyntax
      }
    | {
        readonly kind: "choose"
        readonly test: ExpressionSyntax
        readonly yes: ExpressionSyntax
        readonly no: ExpressionSyntax
      }
    | {
        readonly kind: "pipe"
        readonly of: ExpressionSyntax
        readonly name: string
        readonly nameSpan: Span
        readonly arguments: ReadonlyArray<ExpressionSyntax>
      }
  )

export type TypeSyntax = Span &
  (
    | { readonly kind: "named"; readonly name: string; readonly store?: string; readonly storeSpan?: Span }
    | { readonly kind: "parameterOf"; readonly component: string; readonly parameter: string }
    | { readonly kind: "literal"; readonly value: LiteralValue }
    | { readonly kind: "array"; readonly items: TypeSyntax }
    | { readonly kind: "fieldOf"; readonly of: TypeSyntax; readonly name: string }
    | { readonly kind: "itemOf"; readonly of: TypeSyntax }
    | { readonly kind: "union"; readonly members: ReadonlyArray<TypeSyntax> }
    | { readonly kind: "struct"; readonly fields: ReadonlyArray<StructFieldSyntax> }
  )

export interface StructFieldSyntax {
  readonly name: string
  readonly nameSpan: Span
  readonly optional: boolean
  readonly type: TypeSyntax
}

/** A piece of a quoted attribute value: text as written, or an expression in `${}`. */
export type ValuePart =
  | (Span & { readonly kind: "text"; readonly text: string })
  | (Span & {
      readonly kind: "expression"
      readonly expression: ExpressionSyntax
      /** In a program: what it stands for there. */
      readonly place?: ProgramPlace
    })

/** An entry of `class={a, b: cond}`. */
export interface ClassEntry extends Span {
  readonly name: string | ExpressionSyntax
  readonly test?: ExpressionSyntax
}

export type AttributeSyntax = Span & { readonly name: string; readonly nameSpan: Span } & (
    | { readonly kind: "bare" }
    | { readonly kind: "quoted"; readonly quote: '"' | "'" | ""; readonly parts: ReadonlyArray<ValuePart> }
    | { readonly kind: "expression"; readonly expression: ExpressionSyntax }
    | { readonly kind: "classes"; readonly entries: ReadonlyArray<ClassEntry> }
    /** `{...document}`; its name is `...`. */
    | { readonly kind: "spread"; readonly expression: ExpressionSyntax }
  )

export type NodeSyntax = Span &
  (
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "comment" }
    | { readonly kind: "markupComment"; readonly parts: ReadonlyArray<ValuePart> }
    /** What stands in `<script>` and `<style>`. `skipped`: `${` that belong to the program itself. */
    | { readonly kind: "program"; readonly parts: ReadonlyArray<ValuePart>; readonly skipped: ReadonlyArray<Span> }
    | { readonly kind: "doctype"; readonly text: string }
    | { readonly kind: "print"; readonly expression: ExpressionSyntax }
    | { readonly kind: "raw"; readonly expression: ExpressionSyntax }
    | { readonly kind: "if"; readonly branches: ReadonlyArray<BranchSyntax>; readonly otherwise: ReadonlyArray<NodeSyntax> }
    | {
        readonly kind: "switch"
        readonly subject: ExpressionSyntax
        readonly cases: ReadonlyArray<CaseSyntax>
        readonly otherwise: ReadonlyArray<NodeSyntax>
      }
    | {
        readonly kind: "for"
        readonly item: string
        readonly itemSpan: Span
        readonly index?: string
        readonly indexSpan?: Span
        readonly list: ExpressionSyntax
        readonly body: ReadonlyArray<NodeSyntax>
        readonly otherwise: ReadonlyArray<NodeSyntax>
      }
    | { readonly kind: "let"; readonly name: string; readonly nameSpan: Span; readonly value: ExpressionSyntax }
    | FragmentSyntax
    | ElementSyntax
    | {
        readonly kind: "component"
        readonly name: string
        readonly nameSpan: Span
        readonly attributes: ReadonlyArray<AttributeSyntax>
        readonly children: ReadonlyArray<NodeSyntax>
      }
    | { readonly kind: "slot"; readonly name: string; readonly otherwise: ReadonlyArray<NodeSyntax> }
    | { readonly kind: "group"; readonly children: ReadonlyArray<NodeSyntax> }
  )

export interface ElementSyntax {
  readonly kind: "element"
  readonly name: string
  readonly nameSpan: Span
  readonly attributes: ReadonlyArray<AttributeSyntax>
  readonly children: ReadonlyArray<NodeSyntax>
}

export interface BranchSyntax {
  readonly test: ExpressionSyntax
  readonly body: ReadonlyArray<NodeSyntax>
}

/** `{case a, b}` of a switch. */
export interface CaseSyntax {
  readonly values: ReadonlyArray<ExpressionSyntax>
  readonly body: ReadonlyArray<NodeSyntax>
}

/** `{fragment name(parameters)}…{/fragment}`: the parameters are names of the place where it stands. */
export interface FragmentSyntax {
  readonly kind: "fragment"
  readonly name: string
  readonly nameSpan: Span
  readonly parameters: ReadonlyArray<Span & { readonly name: string }>
  readonly body: ReadonlyArray<NodeSyntax>
}

export interface ParameterSyntax extends Span {
  readonly name: string
  readonly nameSpan: Span
  readonly optional: boolean
  readonly type: TypeSyntax
  readonly initial?: ExpressionSyntax
}

export interface ImportSyntax extends Span {
  readonly name: string
  readonly nameSpan: Span
  readonly path: string
  readonly pathSpan: Span
}

/** A tag, hole or block tag where it stands; what the formatter works on. `verbatim`: content that it has to leave alone. */
export interface Mark extends Span {
  readonly kind: "open" | "close" | "divider" | "single" | "verbatim"
}

/** One parsed file. `file` is its path relative to the service's folder, with "/". */
export interface SyntaxTree {
  readonly file: string
  readonly source: string
  readonly parameters: ReadonlyArray<ParameterSyntax>
  readonly imports: ReadonlyArray<ImportSyntax>
  /** Names of the fragments, in their order. */
  readonly fragments: ReadonlyArray<string>
  /** All tags and holes in the order of the source; of use when there are no mistakes. */
  readonly marks: ReadonlyArray<Mark>
  readonly body: ReadonlyArray<NodeSyntax>
}

/** Words that cannot name a variable. */
export const reservedWords: ReadonlySet<string> = new Set(
  "and or not in true false null if else for let param import switch case raw fragment".split(" ")
)
