/** What a template asks for: the side of it that callers, the declaration file and the host see. */
import type { StaticType } from "./StaticType.ts"
import type { LiteralValue } from "./Syntax.ts"

export interface SignatureParameter {
  readonly name: string
  /** As written in the template. */
  readonly written: string
  readonly type: StaticType
  readonly required: boolean
  /** Whether the rows of a query may stand here. */
  readonly list: boolean
  readonly initial?: LiteralValue
}

export interface TemplateSignature {
  /** Path of the file relative to the service's folder. */
  readonly name: string
  readonly parameters: ReadonlyArray<SignatureParameter>
  /** Whether it shows children: it has a `<slot/>`. */
  readonly hasSlot: boolean
}
