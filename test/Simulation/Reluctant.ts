/** An engine some of whose commits are refused when the work is done, as its contract allows: nothing of such a transaction is kept. */
import type { Transaction } from "../../src/Storage/Reader.ts"
import { storageFault } from "../../src/Storage/Reasons.ts"
import type { MigrationEngine } from "../../src/Storage/StoreMigration.ts"

/** `refuses` is asked for every transaction that begins. */
export function reluctant(engine: MigrationEngine, refuses: () => boolean): MigrationEngine {
  return {
    store: (name) => engine.store(name),
    transact: () => (refuses() ? refusing(engine.transact()) : engine.transact()),
    define: (definitions) => engine.define(definitions),
    rename: (names) => engine.rename(names),
    onCommit: (listener) => engine.onCommit(listener),
    hold: engine.hold,
    get lastLsn() {
      return engine.lastLsn
    }
  }
}

function refusing(transaction: Transaction): Transaction {
  const commit = (): never => {
    transaction.rollback()
    throw storageFault({ _tag: "Backpressure", message: "not this time" })
  }
  return new Proxy(transaction, {
    get: (target, name) => {
      if (name === "commit") return commit
      const member: unknown = Reflect.get(target, name)
      return typeof member === "function" ? member.bind(target) : member
    }
  })
}
