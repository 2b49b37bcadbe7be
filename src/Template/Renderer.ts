/**
 * Rendering: a checked set made ready, and the way in for the host.
 *
 * Invariants
 * - Bindings are valid BSON (validated at the edge) or the rows of a query, and stay as they are while `render` runs.
 * - `render` appends a whole page to the sink, or throws and leaves the sink as it was.
 * - Writers are made when a template is first rendered; a renderer holds nothing of a rendering afterwards.
 */
import type { ByteSink } from "../Bson/ByteSink.ts"
import * as Type from "../Bson/Type.ts"
import { Fault } from "../Fault/Fault.ts"
import type { CompiledParameter, CompiledTemplate, TemplateSet } from "./Compiled.ts"
import { generate } from "./Generate.ts"
import { interpret } from "./Interpret.ts"
import { outputBytesMax, stepsMax } from "./Limits.ts"
import { isList } from "./Lists.ts"
import { Page, type RenderLimit } from "./Page.ts"
import type { Program } from "./Program.ts"
import { read, type RenderValue, type RowList } from "./Values.ts"

/** The value of a parameter: BSON where it lies, or the rows of a query. */
export type Binding = { readonly bytes: Uint8Array; readonly type: number; readonly at: number } | RowList

/** A template that the set does not have. */
export interface UnknownTemplate {
  readonly _tag: "UnknownTemplate"
  readonly name: string
  readonly message: string
}

/** A parameter that is missing, unknown, or no list where one is needed. */
export interface InvalidBinding {
  readonly _tag: "InvalidBinding"
  readonly template: string
  readonly parameter: string
  readonly message: string
}

export interface RenderOptions {
  /** Whether JavaScript may be generated (default); without, closures do the same more slowly. */
  readonly codeGeneration?: boolean
  /** Most bytes of one rendering. */
  readonly outputBytesMax?: number
  /** Most loop rounds and component calls of one rendering. */
  readonly stepsMax?: number
  /** What the pipe `link` puts in front of a path. Default: nothing. */
  readonly mountPath?: string
}

export interface Renderer {
  /** The templates, in the order of their names. */
  readonly names: ReadonlyArray<string>
  /** What a template takes; undefined when there is none of this name. */
  parameters(name: string): ReadonlyArray<CompiledParameter> | undefined
  /**
   * Renders a template and appends it to `sink`. Faults with UnknownTemplate, InvalidBinding, RenderLimit, and the sink's TooLarge.
   *
   * @example
   * ```ts
   * renderer.render("templates/orders.zsx", { orders: rows }, sink)
   * ```
   */
  render(name: string, bindings: Readonly<Record<string, Binding>>, sink: ByteSink): void
}

/**
 * Makes a checked set ready to render. A set from a module passes `admitTemplates` first.
 *
 * @example
 * ```ts
 * const renderer = prepare(set)
 * ```
 */
export function prepare(set: TemplateSet, options: RenderOptions = {}): Renderer {
  const programs = new Map<string, Program>()
  for (const template of set.templates) programs.set(template.name, program(template, programs, options.codeGeneration !== false))
  return new PreparedSet(programs, options)
}

/** A program that makes its writer at its first call. */
function program(template: CompiledTemplate, table: ReadonlyMap<string, Program>, codeGeneration: boolean): Program {
  const result: Program = {
    name: template.name,
    parameters: template.parameters,
    write: (page, q, slot, named, ...parameters) => {
      result.write = codeGeneration ? generate(template, table) : interpret(template, table)
      return result.write(page, q, slot, named, ...parameters)
    }
  }
  return result
}

class PreparedSet implements Renderer {
  readonly names: ReadonlyArray<string>
  private readonly programs: ReadonlyMap<string, Program>
  private readonly outputBytesMax: number
  private readonly stepsMax: number
  private readonly mountPath: string

  constructor(programs: ReadonlyMap<string, Program>, options: RenderOptions) {
    this.programs = programs
    this.names = [...programs.keys()]
    this.outputBytesMax = options.outputBytesMax ?? outputBytesMax
    this.stepsMax = options.stepsMax ?? stepsMax
    this.mountPath = options.mountPath ?? ""
  }

  parameters(name: string): ReadonlyArray<CompiledParameter> | undefined {
    return this.programs.get(name)?.parameters
  }

  render(name: string, bindings: Readonly<Record<string, Binding>>, sink: ByteSink): void {
    const program = this.programs.get(name)
    if (program === undefined) throw new Fault<UnknownTemplate>({ _tag: "UnknownTemplate", name, message: `there is no template ${name}` })
    const values = bound(program, bindings)
    const start = sink.length
    try {
      const page = new Page(sink, this.outputBytesMax, this.stepsMax, this.mountPath)
      page.finish(program.write(page, start, null, null, ...values))
    } catch (error) {
      sink.length = start
      throw inTemplate(name, error)
    }
  }
}

/** A budget that was used up says in which template. */
function inTemplate(template: string, error: unknown): unknown {
  if (!(error instanceof Fault) || error.reason._tag !== "RenderLimit") return error
  const reason = error.reason as RenderLimit
  return new Fault<RenderLimit>({ ...reason, template, message: `${template}: ${reason.message}` })
}

/** The values of a template's parameters in their order. */
function bound(program: Program, bindings: Readonly<Record<string, Binding>>): Array<RenderValue> {
  const { parameters } = program
  const values = parameters.map((parameter) => {
    const given = Object.hasOwn(bindings, parameter.name)
    const value = given ? valueOf(bindings[parameter.name]!) : null
    if (value !== null) {
      if (parameter.type.endsWith("[]") && !isList(value)) throw invalid(program, parameter.name, `is a list (${parameter.type})`)
      return value
    }
    if (parameter.required && !(given && parameter.type === "any")) throw invalid(program, parameter.name, "is missing")
    return parameter.initial ?? null
  })
  for (const name of Object.keys(bindings)) {
    if (!parameters.some((parameter) => parameter.name === name)) throw invalid(program, name, "is no parameter of it")
  }
  return values
}

function valueOf(binding: Binding): RenderValue {
  if ("count" in binding) return binding
  return binding.type === Type.MISSING ? null : read(binding.bytes, binding.type, binding.at)
}

function invalid(program: Program, parameter: string, what: string): Fault<InvalidBinding> {
  return new Fault<InvalidBinding>({
    _tag: "InvalidBinding",
    template: program.name,
    parameter,
    message: `${program.name}: "${parameter}" ${what}`
  })
}
