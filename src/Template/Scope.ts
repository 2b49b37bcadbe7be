/** The names that can be used at one place of a template. */
import type { StaticType } from "./StaticType.ts"

export interface Variable {
  readonly number: number
  readonly type: StaticType
}

/** Hands out the numbers of one template's variables. */
export class VariableNumbers {
  next = 0
}

export class Scope {
  private readonly outer: Scope | undefined
  private readonly names = new Map<string, Variable>()
  private readonly present: ReadonlySet<string>
  readonly numbers: VariableNumbers
  /** Names of the place around a fragment, which it does not see when it is rendered alone. */
  private beyond: Scope | undefined

  /** `present`: paths that are known to have a value here (see `Narrowing.ts`). */
  constructor(outer?: Scope, present: ReadonlyArray<string> = []) {
    this.outer = outer
    this.present = new Set(present)
    this.numbers = outer?.numbers ?? new VariableNumbers()
  }

  /** Whether a path is known to have a value. */
  isPresent(path: string): boolean {
    return this.present.has(path) || this.outer?.isPresent(path) === true
  }

  /** A scope of its own for what stands at this place but is rendered alone. */
  alone(): Scope {
    const scope = new Scope()
    scope.beyond = this
    return scope
  }

  /** Whether a name exists around the fragment, but not in it. */
  isBeyond(name: string): boolean {
    return this.beyond?.find(name) !== undefined || this.outer?.isBeyond(name) === true
  }

  find(name: string): Variable | undefined {
    return this.names.get(name) ?? this.outer?.find(name)
  }

  /** Adds a name and gives its variable. */
  add(name: string, type: StaticType): Variable {
    const variable = { number: this.numbers.next++, type }
    this.names.set(name, variable)
    return variable
  }

  /** All names, innermost first. */
  *visible(): Generator<string> {
    yield* this.names.keys()
    if (this.outer !== undefined) yield* this.outer.visible()
  }
}
