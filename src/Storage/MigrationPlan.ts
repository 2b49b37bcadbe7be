/**
 * What a migration would come to: every document is converted and checked, and nothing is written.
 *
 * Invariants
 * - Documents are looked at in slices, each as of its own moment: what is written meanwhile may be counted or not.
 * - Whether values of a unique index come twice shows only when the documents lie beside each other: that the migration itself finds out.
 */
import type { StoreDefinition } from "../Schema/Definition.ts"
import { migrationsFrom, versionOf } from "../Schema/Migration.ts"
import { Conversion, type MigrationPrograms } from "./Conversion.ts"
import { needsMigration } from "./Definition.ts"
import { idOf } from "./Duplicates.ts"
import type { Engine } from "./Engine.ts"
import type { Store } from "./Reader.ts"
import { FAILED_LISTED_MAX, type FailedDocument } from "./StoreMigration.ts"
import { type Steps, Work } from "./Work.ts"

/** What would become of one store. */
export interface MigrationReport {
  readonly store: string
  readonly from: number
  readonly to: number
  /** Documents that were looked at; those that cannot be converted, and the first hundred of them. */
  readonly documents: number
  readonly failed: number
  readonly listed: ReadonlyArray<FailedDocument>
  /** Whether its documents can get back to `from` afterwards. */
  readonly isReversible: boolean
  /** Indexes that want values to be unique, which is found out only when the migration is run. */
  readonly uniqueIndexes: ReadonlyArray<string>
}

/** What converting a document costs beside its bytes, in bytes of a slice. */
const DOCUMENT_COST_BYTES = 4096

export class MigrationPlan extends Work<ReadonlyArray<MigrationReport>> {
  readonly #engine: Engine
  readonly #programs: MigrationPrograms
  readonly #stores: ReadonlyArray<{ readonly store: Store; readonly wanted: StoreDefinition; readonly conversion: Conversion }>

  /** Faults with InvalidStore when a handler is missing, or the way back to an earlier version. */
  constructor(engine: Engine, definitions: ReadonlyArray<StoreDefinition>, programs: MigrationPrograms) {
    super()
    this.#engine = engine
    this.#programs = programs
    this.#stores = definitions.flatMap((wanted) => {
      const store = engine.store(wanted.name)
      if (store === undefined || !needsMigration(store, wanted, this.#newer(wanted) ?? wanted) || isEmpty(engine, store)) return []
      return [{ store, wanted, conversion: new Conversion(store.definition, wanted, programs) }]
    })
  }

  protected *run(): Steps<ReadonlyArray<MigrationReport>> {
    const reports: Array<MigrationReport> = []
    for (const { conversion, store, wanted } of this.#stores) {
      const [from, to] = [versionOf(store.definition), versionOf(wanted)]
      const ways = migrationsFrom(wanted, from)
      reports.push({
        store: wanted.name,
        from,
        to,
        ...(yield* this.#documents(store, conversion)),
        isReversible: to < from || ways.every(({ down }) => down !== undefined),
        uniqueIndexes: wanted.indexes.flatMap(({ name, unique }) => (unique === true ? [name] : []))
      })
    }
    return reports
  }

  protected close(): void {
    // Every slice gives back what it has taken.
  }

  #newer({ name }: StoreDefinition): StoreDefinition | undefined {
    return this.#programs.newer?.find((it) => it.name === name)
  }

  *#documents(store: Store, conversion: Conversion): Steps<Pick<MigrationReport, "documents" | "failed" | "listed">> {
    const listed: Array<FailedDocument> = []
    let [documents, failed] = [0, 0]
    let position: Uint8Array | undefined
    for (let isAtEnd = false; !isAtEnd;) {
      const snapshot = this.#engine.snapshot()
      try {
        const cursor = snapshot.documents(store, position === undefined ? undefined : { low: position, lowInclusive: false }, 1)
        for (let isOver = false; !isOver;) {
          isAtEnd = !cursor.next()
          if (isAtEnd) break
          position = cursor.key.slice()
          documents++
          const made = conversion.convert(cursor.document)
          if (!(made instanceof Uint8Array) && ++failed <= FAILED_LISTED_MAX) {
            listed.push({ id: idOf(cursor.document), pointer: made.pointer, message: made.message })
          }
          isOver = this.spend(cursor.document.length + DOCUMENT_COST_BYTES)
        }
        cursor.close()
      } finally {
        snapshot.close()
      }
      if (!isAtEnd) yield "more"
    }
    return { documents, failed, listed }
  }
}

function isEmpty(engine: Engine, store: Store): boolean {
  const snapshot = engine.snapshot()
  try {
    return !snapshot.documents(store, undefined, 1).next()
  } finally {
    snapshot.close()
  }
}
