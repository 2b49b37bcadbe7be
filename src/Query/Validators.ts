/**
 * The validators of stores: one for whole documents, one for documents whose `_id` is still to be made. Kept per version of a store.
 */
import { compileStore, compileStruct, type Validator } from "../Schema/Validator.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"

export class Validators {
  readonly #whole = new WeakMap<StoreDefinition, Validator>()
  readonly #withoutId = new WeakMap<StoreDefinition, Validator>()

  /** For documents with their `_id`. */
  whole(definition: StoreDefinition): Validator {
    let validator = this.#whole.get(definition)
    if (validator === undefined) {
      validator = compileStore(definition)
      this.#whole.set(definition, validator)
    }
    return validator
  }

  /** For documents without `_id`. */
  withoutId(definition: StoreDefinition): Validator {
    let validator = this.#withoutId.get(definition)
    if (validator === undefined) {
      validator = compileStruct(definition.schema)
      this.#withoutId.set(definition, validator)
    }
    return validator
  }
}
