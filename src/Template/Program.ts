/** A template that is ready to write: the form that generated code and the interpreter share. */
import type { CompiledParameter } from "./Compiled.ts"
import type { Page } from "./Page.ts"
import type { RenderValue } from "./Values.ts"

/** The children of a call: writes them at `q`. */
export type Slot = (q: number) => number

/** What a call gives to slots that have a name. */
export type NamedSlots = ReadonlyMap<string, Slot>

/** Writes a template at `q` and returns the offset behind it. */
export type Writer = (
  page: Page,
  q: number,
  slot: Slot | null,
  named: NamedSlots | null,
  ...parameters: ReadonlyArray<RenderValue>
) => number

/** A template of a prepared set. `write` makes the real writer when it is first called. */
export interface Program {
  readonly name: string
  readonly parameters: ReadonlyArray<CompiledParameter>
  write: Writer
}

export type TemplateTable = ReadonlyMap<string, Program>
