/** What the engine says about indexes that are being built or could not be. */
import type { IndexFile } from "../Index/IndexFile.ts"
import type { Catalog } from "./Catalog.ts"
import { describeDuplicates } from "./Duplicates.ts"
import type { BuildProgress } from "./IndexBuild.ts"
import type { StoreIndex } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"

/** An index that is being built. */
export interface BuildState {
  readonly store: string
  readonly index: string
  /** `filling`: with the documents that were there before it. `checking`: whether no value comes twice, if it is to be unique. */
  readonly phase: BuildProgress["phase"]
  /** Documents that have their entries. */
  readonly documents: number
  /** About how many documents there are: those in the store's tree now. */
  readonly documentsExpected: number
}

/** Every index that is being built, in the order of stores. */
export function buildStates(catalog: Catalog, builds: ReadonlyMap<number, BuildProgress>, file: IndexFile): ReadonlyArray<BuildState> {
  return catalog.stores.flatMap((store) =>
    store.kept
      .filter((it) => it.readyLsn === 0)
      .map(({ definition, id }) => {
        const { phase = "filling", documents = 0 } = builds.get(id) ?? {}
        const documentsExpected = Math.max(file.statistics(file.current(), store.id).entries, documents)
        return { store: store.definition.name, index: definition.name, phase, documents, documentsExpected }
      })
  )
}

/** Why the index will never be ready: documents have the same values. Undefined when that is not so. */
export function duplicatesFault(catalog: Catalog, { id }: StoreIndex): Error | undefined {
  for (const { definition, indexes } of catalog.stores) {
    const index = indexes.find((it) => it.id === id)
    if (index?.duplicates === undefined) continue
    const { name, on } = index.definition
    const paths = on.map(({ path }) => path)
    const message = `${definition.name}.${name} cannot be unique over ${paths.join(", ")}: ${describeDuplicates(index.duplicates)}`
    return storageFault({ _tag: "DuplicateValues", store: definition.name, index: name, paths, duplicates: index.duplicates, message })
  }
  return undefined
}
