import { assert, describe, it } from "@effect/vitest"
import { readFully, writeFully } from "../../src/Disk/Transfer.ts"

const DISK = Uint8Array.from({ length: 100 }, (_, index) => index)

describe("Transfer", () => {
  it("reads on after short reads, up to the end", () => {
    const into = new Uint8Array(50)
    const read = (bytes: Uint8Array, at: number, length: number, offset: number) => {
      const part = DISK.subarray(offset, offset + Math.min(7, length))
      bytes.set(part, at)
      return part.length
    }
    assert.strictEqual(readFully(read, 10, into), 50)
    assert.deepStrictEqual(into, DISK.slice(10, 60))
    assert.strictEqual(readFully(read, 80, into), 20)
  })

  it("writes on after short writes", () => {
    const disk = new Uint8Array(100)
    const write = (bytes: Uint8Array, at: number, length: number, offset: number) => {
      const count = Math.min(7, length)
      disk.set(bytes.subarray(at, at + count), offset)
      return count
    }
    writeFully(write, 0, DISK)
    assert.deepStrictEqual(disk, DISK)
  })

  it("gives up when a write makes no progress", () => {
    assert.throws(() => writeFully(() => 0, 0, DISK))
    writeFully(() => 0, 0, new Uint8Array(0))
  })
})
