/** A service on a stand-in for the engine: just enough of one to see what a call asked of it and how it ended. */
import { Fault } from "../../src/Fault/Fault.ts"
import { ChangeTable } from "../../src/Storage/ChangeTable.ts"
import type { DocumentCursor, EntryCursor, Snapshot, Store, Transaction } from "../../src/Storage/Reader.ts"
import type { Answer, Request } from "../../src/Wasm/Answer.ts"
import type { LogLine } from "../../src/Wasm/Log.ts"
import type { Manifest } from "../../src/Wasm/Manifest.ts"
import { loadModule } from "../../src/Wasm/Module.ts"
import { Service, type ServiceEngine, type ServiceOptions } from "../../src/Wasm/Service.ts"
import { guest, type GuestParts, manifest } from "./Guests.ts"

/** An engine without documents, that notes what is done to it. */
export class StandInEngine implements ServiceEngine {
  durableLsn = 10
  awaitedLsn = 12
  /** What happened: `snapshot`, `close`, `transact`, `commit`, `rollback`, `put`. */
  readonly events: string[] = []
  /** Thrown by the next commit. */
  refusal: Fault | undefined
  /** Thrown by the next transaction. */
  poisoned: Fault | undefined
  readonly stores = new Map<string, Store>()
  readonly changes = new ChangeTable(0)
  readonly share = { budget: { databases: 1 } }

  readonly store = (name: string): Store | undefined => this.stores.get(name)

  readonly snapshot = (): Snapshot => {
    this.events.push("snapshot")
    return {
      lsn: this.durableLsn,
      get: () => false,
      find: () => false,
      read: () => {},
      documents: none,
      entries: noEntries,
      size: noSize,
      close: () => void this.events.push("close")
    }
  }

  readonly transact = (): Transaction => {
    if (this.poisoned !== undefined) throw this.poisoned
    this.events.push("transact")
    let writes = 0
    const transaction: Transaction = {
      lsn: this.awaitedLsn,
      get: () => false,
      find: () => false,
      read: () => {},
      documents: none,
      entries: noEntries,
      size: noSize,
      statement: () => transaction,
      endStatement: () => {},
      put: () => {
        writes++
        this.events.push("put")
        return "inserted"
      },
      overwrite: () => void writes++,
      insert: () => {
        writes++
        this.events.push("put")
      },
      delete: () => false,
      savepoint: () => 0,
      rollbackTo: () => {},
      commit: () => {
        if (this.refusal !== undefined) throw this.refusal
        this.events.push("commit")
        return writes === 0 ? this.awaitedLsn : ++this.awaitedLsn
      },
      rollback: () => void this.events.push("rollback"),
      get writes() {
        return writes
      }
    }
    return transaction
  }
}

const none = (): DocumentCursor => {
  throw new Fault({ _tag: "StandIn" })
}
const noSize = () => ({ flushed: 0, unflushed: 0 })
const noEntries = (): EntryCursor => {
  throw new Fault({ _tag: "StandIn" })
}

/** A request of GET /. */
export function request(part: Partial<Request> = {}): Request {
  return {
    method: "GET",
    path: "/",
    params: [],
    query: "",
    headers: {},
    body: undefined,
    contentType: undefined,
    requestId: "r-1",
    nowMs: 1_700_000_000_000,
    ...part
  }
}

/** A service of a hand-written guest. */
export class Bench {
  readonly engine = new StandInEngine()
  readonly lines: LogLine[] = []
  readonly tasks: Array<() => void> = []
  readonly service: Service
  /** Milliseconds the clock moves at each reading. */
  stepMs = 0
  private nowMs = 0

  constructor(parts: GuestParts = {}, described: Partial<Manifest> = {}, options: Partial<ServiceOptions> = {}) {
    const module = loadModule(guest(parts, manifest(described)), { memoryBytes: 64 * 65536, judge: () => {} })
    this.service = new Service({
      module,
      engine: this.engine,
      ports: {
        monotonicMs: () => (this.nowMs += this.stepMs),
        random: (into) => into.fill(7),
        log: (line) => this.lines.push(line),
        schedule: (task) => this.tasks.push(task)
      },
      ...options,
      limits: { memoryBytes: 64 * 65536, coldCalls: 0, ...options.limits }
    })
    this.settle()
  }

  get(part: Partial<Request> = {}): Answer {
    return this.service.handle(0, request(part))
  }

  post(part: Partial<Request> = {}): Answer {
    return this.service.handle(1, request({ method: "POST", ...part }))
  }

  /** Runs what was put off to the end of the turn. */
  settle(): void {
    for (const task of this.tasks.splice(0)) task()
  }
}

/** The body of an answer as text. */
export function text(answer: Answer): string {
  return typeof answer.body === "string" ? answer.body : Buffer.from(answer.body ?? []).toString("utf8")
}

/** The body of an answer as JSON. */
export function json(answer: Answer): Record<string, unknown> {
  return JSON.parse(text(answer)) as Record<string, unknown>
}
