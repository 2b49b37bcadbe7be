/** Templates: compiled from `.zsx` files by the build, rendered by the host. */
import { Answer } from "./answers.ts"
import { native, Operation } from "./native.ts"
import { isRowSource, type RowSource } from "./query.ts"

/** Rows for a template: a list, or a query, whose rows then go from the store to the page without entering the service. */
export type Rows<Row> = ReadonlyArray<Row> | RowSource<Row>

/**
 * A template, as an import of a `.zsx` file gives it. `Parameters` are those it declares.
 *
 * @example
 * ```ts
 * import orderList from "./templates/orders.zsx"
 * orderList.render({ orders: orders.filter({ status: "pending" }) })
 * ```
 */
export class Template<Parameters extends object> {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  /** The page, as an answer. Throws `render_failed` when a value does not fit. */
  render(...[parameters]: {} extends Parameters ? [parameters?: Parameters] : [parameters: Parameters]): Answer {
    const values: Record<string, unknown> = {}
    const queries: Record<string, object> = {}
    for (const [name, value] of Object.entries(parameters ?? {})) {
      if (value === undefined) continue // left out: the template decides
      if (isRowSource(value)) queries[name] = value.toStatement()
      else values[name] = value
    }
    const plain = Object.keys(queries).length === 0
    const argument = plain ? { template: this.#name, parameters: values } : { template: this.#name, parameters: values, queries }
    return new Answer({ kind: "answer", answer: native.call(plain ? Operation.render : Operation.renderQuery, argument).answer ?? 0 })
  }
}
