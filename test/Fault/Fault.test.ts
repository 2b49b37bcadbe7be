import { assert, describe, it } from "@effect/vitest"
import { Fault, isFault } from "../../src/Fault/Fault.ts"

describe("Fault", () => {
  it("names its reason and fields in the message", () => {
    assert.strictEqual(new Fault({ _tag: "DiskFailure", path: "wal/1", code: "EIO" }).message, "DiskFailure: path=wal/1 code=EIO")
  })

  it("prefers the reason's own message", () => {
    assert.strictEqual(new Fault({ _tag: "Cut", message: "torn tail", offset: 8 }).message, "Cut: torn tail")
  })

  it("carries no stack frames and leaves the process's stack limit alone", () => {
    const before = Error.stackTraceLimit
    assert.notInclude(new Fault({ _tag: "Any" }).stack ?? "", "\n    at ")
    assert.strictEqual(Error.stackTraceLimit, before)
  })

  it("is told apart by tag", () => {
    const fault: unknown = new Fault({ _tag: "A" })
    assert.isTrue(isFault(fault))
    assert.isTrue(isFault(fault, "A"))
    assert.isFalse(isFault(fault, "B"))
    assert.isFalse(isFault(new Error("A"), "A"))
  })
})
