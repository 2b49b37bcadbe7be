import { assert, describe, it } from "@effect/vitest"
import { decode, encode, type DocumentValue } from "../../src/Bson/Value.ts"
import type { Writer } from "../../src/Bson/Writer.ts"
import { Host, type OperationRunner } from "../../src/Wasm/Host.ts"
import { Instance } from "../../src/Wasm/Instance.ts"
import { DEFAULT_LIMITS, type Limits, LOG_LINE_BYTES_MAX } from "../../src/Wasm/Limits.ts"
import { GuestLog, type LogLine } from "../../src/Wasm/Log.ts"
import { Pool } from "../../src/Wasm/Pool.ts"
import { callFault } from "../../src/Wasm/Reasons.ts"
import { assemble, assembleText, DATA_AT, type GuestParts, REQUEST_AT } from "./Guests.ts"

interface Bench {
  readonly host: Host
  readonly lines: LogLine[]
  readonly instance: Instance
  /** Milliseconds the clock moves at each reading. */
  stepMs: number
  readonly call: (operations?: OperationRunner) => number
  readonly reply: (at: number) => DocumentValue
}

const echo: OperationRunner = {
  run: (op, bytes, at, reply: Writer) => {
    if (op === 99) throw callFault("unknown_operation", "no 99", { operation: 99 })
    if (op === 98) throw new Error("a bug of the host")
    const start = reply.length
    reply.raw(bytes, at, new DataView(bytes.buffer, bytes.byteOffset).getInt32(at, true))
    assert.isAbove(reply.length, start)
  }
}

const bench = (parts: GuestParts | Uint8Array, limits: Partial<Limits> = {}, cpuMs?: () => number): Bench => {
  const lines: LogLine[] = []
  let now = 0
  const log = new GuestLog(
    (line) => lines.push(line),
    "fixture",
    limits.logLinesMax ?? 5,
    (text) => text.replaceAll("s3cret", "<redacted>")
  )
  const made: Bench = {
    lines,
    stepMs: 0,
    host: new Host(
      { monotonicMs: () => (now += made.stepMs), random: (into) => into.fill(7), ...(cpuMs === undefined ? {} : { cpuMs }) },
      log,
      {
        ...DEFAULT_LIMITS,
        coldCalls: 0,
        ...limits
      }
    ),
    get instance() {
      return instance
    },
    call: (operations = echo) => {
      log.begin("main", "r1")
      made.host.begin(operations, 1234.5)
      try {
        return instance.run(0, request, request.length)
      } finally {
        made.host.end()
        log.end()
      }
    },
    reply: (at) => decode(instance.memory(), at)
  }
  const bytes = parts instanceof Uint8Array ? parts : assemble(parts)
  const instance = new Instance(new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>), ["main"], made.host, DEFAULT_LIMITS.memoryBytes)
  return made
}

const request = encode({ question: "answer?" })
/** Calls an operation on the document at `DATA_AT`, and returns what was parked. */
const callAndRead = (op: number, length: number): string => `
  (local $length i32)
  (local.set $length (call $call (i32.const ${op}) (i32.const ${DATA_AT}) (i32.const ${length})))
  (call $read (i32.const 40000))
  (i32.const 40000)`

describe("an instance", () => {
  it("gets the request and gives its reply back", () => {
    const { call, reply } = bench({ main: "(local.get $request)" })
    const at = call()
    assert.strictEqual(at, REQUEST_AT)
    assert.deepStrictEqual(reply(at), { question: "answer?" })
  })

  it("sees its memory anew after it has grown", () => {
    const { call, instance, reply } = bench({
      main: "(drop (memory.grow (i32.const 3))) (i32.store (i32.const 0) (i32.const 1)) (local.get $request)"
    })
    assert.strictEqual(instance.memory().length, 65536)
    assert.deepStrictEqual(reply(call()), { question: "answer?" })
    assert.strictEqual(instance.memory().length, 4 * 65536)
  })

  it("finds room that the guest has only just made", () => {
    const alloc = `(func (export "planck_alloc") (param i32) (result i32) (drop (memory.grow (i32.const 1))) (i32.const 65536))`
    const { call, reply } = bench({ alloc, main: "(local.get $request)" })
    assert.deepStrictEqual(reply(call()), { question: "answer?" })
  })

  it.each([
    ["(i32.const 0)", "no room"],
    ["(i32.const 65530)", "planck_alloc gave"],
    ["(i32.const -8)", "planck_alloc gave"]
  ])("refuses the room %s for the request", (address, message) => {
    const { call } = bench({ alloc: `(func (export "planck_alloc") (param i32) (result i32) ${address})` })
    assert.throws(() => call(), message)
  })

  it("runs an operation and reads the parked reply", () => {
    const data = encode({ store: "orders" })
    const { call, reply } = bench({ data, main: callAndRead(1, data.length) })
    assert.deepStrictEqual(reply(call()), { store: "orders" })
  })

  it("gets a failed operation as an error document of negative length", () => {
    const data = encode({})
    const { call, reply } = bench({ data, main: callAndRead(99, data.length) })
    assert.deepStrictEqual(reply(call()), { code: "unknown_operation", message: "no 99", operation: 99 })
  })

  it("gets no more than `internal` of a bug of the host, and the call is lost", () => {
    const data = encode({})
    const { call, reply, host } = bench({ data, main: callAndRead(98, data.length) })
    assert.deepStrictEqual(reply(call()), { code: "internal", message: "the host failed" })
    assert.strictEqual(host.fatal?.code, "internal")
  })

  it.each([
    ["address", 65530, 100],
    ["negative address", -1, 5],
    ["length", 0, 65537],
    ["negative length", 8, -1]
  ])("is told of a bad %s", (_what, address, length) => {
    const main = `(drop (call $call (i32.const 1) (i32.const ${address}) (i32.const ${length}))) (call $read (i32.const 40000)) (i32.const 40000)`
    const { call, reply } = bench({ main })
    assert.deepInclude(reply(call()), { code: "bad_pointer" })
  })

  it.each([
    ["cut", Uint8Array.of(5, 0, 0, 0)],
    ["too long", Uint8Array.of(9, 0, 0, 0, 0)],
    ["without end", Uint8Array.of(5, 0, 0, 0, 1)],
    ["followed by bytes", Uint8Array.of(5, 0, 0, 0, 0, 0)],
    ["of a huge length", Uint8Array.of(255, 255, 255, 127, 0)],
    ["of a negative length", Uint8Array.of(0, 0, 0, 128, 0)]
  ])("is told that its argument is no document when that is %s", (_what, data) => {
    const { call, reply } = bench({ data, main: callAndRead(1, data.length) })
    assert.deepInclude(reply(call()), { code: "bad_argument" })
  })

  it("is told that its argument nests too deep", () => {
    let deep: DocumentValue = {}
    for (let depth = 0; depth < 90; depth++) deep = { a: deep }
    const inner = encode(deep)
    const levels: Uint8Array[] = [inner]
    for (let depth = 0; depth < 20; depth++) {
      const last = levels.at(-1) ?? inner
      const outer = new Uint8Array(last.length + 8)
      new DataView(outer.buffer).setInt32(0, outer.length, true)
      outer.set([3, 97, 0], 4)
      outer.set(last, 7)
      levels.push(outer)
    }
    const data = levels.at(-1) ?? inner
    const { call, reply } = bench({ data, main: callAndRead(1, data.length) })
    assert.deepInclude(reply(call()), { code: "bad_argument" })
  })

  it("is stopped when it has the reply read to a bad place", () => {
    const data = encode({ store: "orders" })
    const { call, host } = bench({
      data,
      main: `(drop (call $call (i32.const 1) (i32.const ${DATA_AT}) (i32.const ${data.length}))) (call $read (i32.const 65535)) (i32.const 8)`
    })
    assert.throws(() => call(), "do not lie in the memory")
    assert.strictEqual(host.fatal?.code, "bad_pointer")
  })

  it("reaches nothing while no call runs", () => {
    const data = encode({})
    const { instance, host, reply } = bench({ data, main: callAndRead(1, data.length) })
    host.begin(undefined, 0)
    assert.deepInclude(reply(instance.run(0, request, request.length)), { code: "unknown_operation" })
  })

  it("may do only so many operations in one call", () => {
    const data = encode({})
    const operate = `(drop (call $call (i32.const 1) (i32.const ${DATA_AT}) (i32.const 5)))`
    const { call, reply } = bench(
      {
        data,
        main:
          operate +
          operate +
          callAndRead(1, 5)
            .replace("(local $length i32)", "")
            .replace(/\(local.set \$length (.*)\)\n/, "(drop $1)\n")
      },
      { operationsMax: 2 }
    )
    assert.deepInclude(reply(call()), { code: "too_many_operations", limit: 2 })
  })

  it("knows the time of the call and gets bytes of the host", () => {
    const main = `(f64.store (i32.const 8) (call $now)) (call $random (i32.const 16) (i32.const 4)) (i32.const 8)`
    const { call, instance } = bench({ main })
    call()
    const view = new DataView(instance.memory().buffer)
    assert.strictEqual(view.getFloat64(8, true), 1234.5)
    assert.strictEqual(view.getUint32(16, true), 0x07070707)
  })

  it.each([
    ["a bad pointer", "(i32.const 65533) (i32.const 4)"],
    ["too many bytes", "(i32.const 0) (i32.const 65537)"]
  ])("is stopped for %s of random", (_what, parameters) => {
    const { call } = bench({ main: `(call $random ${parameters}) (i32.const 8)`, memory: "1 16" })
    assert.throws(() => call())
  })

  it("is told to stop once its time is over, and not before", () => {
    const main = `(loop $again (br_if $again (i32.eqz (call $tick)))) (i32.const 0)`
    const spinning = bench({ main }, { deadlineMs: 50 })
    spinning.stepMs = 10
    assert.strictEqual(spinning.call(), 0)
    assert.strictEqual(spinning.host.fatal?.code, "deadline_exceeded")
    const quick = bench({ main: `(drop (call $tick)) (i32.const 8)` }, { deadlineMs: 50 })
    quick.stepMs = 10
    quick.call()
    assert.isUndefined(quick.host.fatal)
  })

  it("has a grace of processor time once its deadline has passed, within bounds", () => {
    const counting = `(local $ticks i32)
      (loop $again (local.set $ticks (i32.add (local.get $ticks) (i32.const 1))) (br_if $again (i32.eqz (call $tick))))
      (local.get $ticks)`
    const ticks = (cpuStepMs: number): number => {
      let cpu = 0
      const busy = bench({ main: counting }, { deadlineMs: 50, graceCpuMs: 30, graceWallMs: 200 }, () => (cpu += cpuStepMs))
      busy.stepMs = 10
      return busy.call()
    }
    assert.strictEqual(ticks(10), 5 + 3)
    assert.strictEqual(ticks(1), 5 + 20)
  })

  it("has more time while the runtime still compiles its code", () => {
    const main = `(loop $again (br_if $again (i32.eqz (call $tick)))) (i32.const 0)`
    const cold = bench({ main }, { deadlineMs: 50, coldDeadlineMs: 500, coldCalls: 2 })
    cold.stepMs = 10
    const timesOf = (): string => {
      cold.call()
      return cold.host.fatal?.message ?? ""
    }
    assert.deepStrictEqual(
      [timesOf(), timesOf(), timesOf()].map((message) => /\d+/.exec(message)?.[0]),
      ["500", "500", "50"]
    )
  })

  it("gets no operation done once its time is over", () => {
    const data = encode({})
    const late = bench({ data, main: callAndRead(1, data.length) }, { deadlineMs: 50 })
    late.stepMs = 100
    assert.deepInclude(late.reply(late.call()), { code: "deadline_exceeded" })
  })

  it("records why it fails", () => {
    const data = encode({ code: "handler_failed", message: "boom", stack: "at x", extra: 1 })
    const { call, host } = bench({ data, main: `(call $fail (i32.const ${DATA_AT}) (i32.const ${data.length})) (i32.const 0)` })
    assert.strictEqual(call(), 0)
    assert.deepInclude(host.failure, { code: "handler_failed", message: "boom", stack: "at x" })
  })

  it.each([["(i32.const 65535) (i32.const 10)"], [`(i32.const ${DATA_AT}) (i32.const 3)`], [`(i32.const 0) (i32.const -1)`]])(
    "that fails with nonsense (%s) has failed all the same",
    (parameters) => {
      const { call, host } = bench({ data: encode({ code: "x" }), main: `(call $fail ${parameters}) (i32.const 0)` })
      call()
      assert.strictEqual(host.failure?.code, "bad_reply")
    }
  )

  it("writes structured log lines without secrets, so many a call", () => {
    const data = encode({ message: "key is s3cret", order: { note: ["s3cret"] }, count: 2 })
    const log = `(call $log (i32.const 2) (i32.const ${DATA_AT}) (i32.const ${data.length}))`
    const { call, lines } = bench(
      { data, main: `${log} ${log} ${log} (call $log (i32.const 1) (i32.const -4) (i32.const 4)) (i32.const 8)` },
      { logLinesMax: 2 }
    )
    call()
    assert.deepStrictEqual(lines[0], {
      level: "warning",
      service: "fixture",
      handler: "main",
      requestId: "r1",
      message: "key is <redacted>",
      fields: { order: { note: ["<redacted>"] }, count: 2 }
    })
    assert.strictEqual(lines.length, 3)
    assert.deepInclude(lines[2]?.fields, { dropped: 2 })
  })

  it("drops a log line that is too long", () => {
    const { call, lines } = bench({
      memory: "4 4",
      main: `(call $log (i32.const 1) (i32.const 0) (i32.const ${LOG_LINE_BYTES_MAX + 1})) (i32.const 8)`
    })
    call()
    assert.deepInclude(lines[0]?.fields, { dropped: 1 })
  })

  it.each([
    ["unreachable", "(unreachable)", "unreachable"],
    ["a load beyond its memory", "(drop (i32.load (i32.const 65536))) (i32.const 8)", "memory access out of bounds"]
  ])("lets %s out as a trap", (_what, main, message) => {
    const { call } = bench({ main })
    assert.throws(() => call(), message)
  })

  it("lets endless recursion out as a RangeError", () => {
    const { call } = bench({
      more: "(func $again (param i32) (result i32) (i32.add (call $again (local.get 0)) (i32.const 1)))",
      main: "(call $again (i32.const 1))"
    })
    assert.throws(() => call(), RangeError)
  })

  it("that does not come up says why", () => {
    const text = `(module (memory (export "memory") 1 1) (func (export "planck_alloc") (param i32) (result i32) (i32.const 8))
      (func (export "main") (param i32) (result i32) (i32.const 0)) (func (export "_initialize") (unreachable)))`
    assert.throws(() => bench(assembleText(text)), "the module does not start: unreachable")
  })
})

describe("a guest with a C library", () => {
  const imports = `
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $readFile (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environment (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "env" "abort" (func $abort (param i32 i32 i32 i32)))`
  const value = (main: string): number => new DataView(run(main).instance.memory().buffer).getInt32(8, true)
  const run = (main: string): Bench => {
    const made = bench({
      imports,
      data: new TextEncoder().encode("\0\0\0\0hello\n"),
      main: `(i32.store (i32.const 8) ${main}) (i32.const 8)`
    })
    made.call()
    return made
  }

  it("has a clock that stands still", () => {
    const made = run("(call $clock (i32.const 0) (i64.const 1) (i32.const 64))")
    assert.strictEqual(new DataView(made.instance.memory().buffer).getBigUint64(64, true), 1234_000_000n)
  })

  it("prints into the log", () => {
    const main = `(block (result i32) (i32.store (i32.const 64) (i32.const ${DATA_AT + 4})) (i32.store (i32.const 68) (i32.const 6))
      (call $write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 72)))`
    const made = run(main)
    assert.deepInclude(made.lines[0], { level: "warning", message: "hello" })
    assert.strictEqual(new DataView(made.instance.memory().buffer).getInt32(72, true), 6)
  })

  it.each([
    ["no files", "(call $readFile (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))", 8],
    [
      "no directories",
      "(call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))",
      52
    ],
    ["an empty environment", "(call $environment (i32.const 64) (i32.const 68))", 0],
    ["entropy", "(call $random (i32.const 64) (i32.const 8))", 0],
    ["an error for a bad pointer", "(call $random (i32.const 65530) (i32.const 8))", 21],
    ["an error for a clock that would write outside", "(call $clock (i32.const 0) (i64.const 0) (i32.const 65535))", 21],
    ["an error for a vector outside", "(call $write (i32.const 1) (i32.const 65530) (i32.const 2) (i32.const 0))", 21],
    ["an error for an unknown file", "(call $write (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 0))", 8]
  ])("finds %s", (_what, main, expected) => {
    assert.strictEqual(value(main), expected)
  })

  it("that ends itself is stopped", () => {
    assert.throws(() => bench({ imports, main: "(call $exit (i32.const 3)) (i32.const 8)" }).call(), "ended itself with status 3")
    assert.throws(
      () => bench({ imports, main: "(call $abort (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 8)" }).call(),
      "aborted"
    )
  })
})

describe("a pool", () => {
  const pool = (): { readonly pool: Pool; readonly run: () => void; readonly tasks: Array<() => void> } => {
    const tasks: Array<() => void> = []
    const { host } = bench({})
    const module = new WebAssembly.Module(assemble() as Uint8Array<ArrayBuffer>)
    return {
      pool: new Pool(module, ["main"], host, 1 << 26, (task) => tasks.push(task)),
      tasks,
      run: () => tasks.splice(0).forEach((task) => task())
    }
  }

  it("has a spare ready when its instance is dropped", () => {
    const made = pool()
    const first = made.pool.take()
    made.run()
    made.pool.replace()
    const second = made.pool.take()
    assert.notStrictEqual(second, first)
    assert.strictEqual(made.pool.take(), second)
    assert.strictEqual(made.pool.replaced, 1)
    assert.strictEqual(made.tasks.length, 1)
  })

  it("makes one on the spot when two break in a row", () => {
    const made = pool()
    made.run()
    made.pool.replace()
    made.pool.replace()
    assert.isDefined(made.pool.take())
    assert.strictEqual(made.tasks.length, 1)
  })

  it("makes no spare once it is closed", () => {
    const made = pool()
    made.pool.close()
    made.run()
    assert.strictEqual(made.tasks.length, 0)
  })
})
