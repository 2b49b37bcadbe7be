/** Values that an index wants to be unique: what an engine has to refuse, and what it has to find when it builds one. */
import { isFault } from "../../src/Fault/Fault.ts"
import type { Store, StoreIndex } from "../../src/Storage/Reader.ts"
import type { Coverage } from "./Coverage.ts"
import { duplicatesIn } from "./Indexes.ts"
import type { Draft } from "./Model.ts"
import type { Subject } from "./Subject.ts"
import { violated } from "./Violation.ts"

const LISTED_MAX = 10

/** Does what may be refused for values that come twice, and holds the answer against the model; whether it was done. */
export function isUnique(subject: Subject, draft: Draft, work: () => void): boolean {
  const { isBroken, mayBeBroken } = conflicts(subject.running.stores(), draft)
  try {
    work()
  } catch (error) {
    if (!isFault(error, "UniqueViolation")) throw error
    if (!isBroken && !mayBeBroken) violated("unique", `${subject.name}: ${error.message}, and that is not so`, error)
    return false
  }
  if (isBroken) violated("unique", `${subject.name}: a value that comes twice is let in`)
  return true
}

/** An index that is being built knows only some of the documents. */
function conflicts(stores: ReadonlyArray<Store>, draft: Draft): { readonly isBroken: boolean; readonly mayBeBroken: boolean } {
  const broken = stores.flatMap((store) =>
    store.indexes.filter((it) => isKept(it) && duplicatesIn(it.definition, draft.documents(store.definition.name)).length > 0)
  )
  return { isBroken: broken.some((it) => it.readyLsn !== 0), mayBeBroken: broken.length > 0 }
}

const isKept = ({ definition, duplicates }: StoreIndex): boolean => definition.unique === true && duplicates === undefined

/** Builds that have ended since `before`, because of values that come twice: those, all of them, and no others. */
export function checkBuilds(subject: Subject, before: ReadonlyArray<Store>, coverage: Coverage): void {
  for (const store of subject.running.stores()) {
    if (before.includes(store)) continue
    const { name } = store.definition
    const known = before.find((it) => it.id === store.id)
    for (const index of store.indexes) {
      const earlier = known?.indexes.find((it) => it.id === index.id)
      if (index.definition.unique !== true || earlier === undefined || earlier.readyLsn !== 0 || earlier.duplicates !== undefined) continue
      const { documents } = subject.history.latest.get(name)!
      const groups = duplicatesIn(index.definition, documents)
      const context = `${subject.name}: ${name}.${index.definition.name}`
      if (index.duplicates === undefined) {
        if (index.readyLsn !== 0 && groups.length > 0) violated("unique", `${context} is ready, and ${groups[0]!.join(" and ")} are alike`)
        continue
      }
      coverage.note("build ended by duplicates")
      const { listed, total } = index.duplicates
      if (total !== groups.length) violated("unique", `${context} has ${groups.length} values that come twice, and ${total} are reported`)
      const expected = groups.map((keys) =>
        keys
          .slice(0, LISTED_MAX)
          .map((key) => idOf(documents.get(key)!.fields["_id"]))
          .join()
      )
      for (const { ids } of listed) if (!expected.includes(ids.join())) violated("unique", `${context}: ${ids.join()} are not alike`)
    }
  }
}

const idOf = (id: unknown): string => JSON.stringify(id)
