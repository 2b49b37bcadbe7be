import { assert, describe, it } from "@effect/vitest"
import { describeVolume } from "../Contract/DiskContract.ts"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"

describeVolume("MemoryVolume", () => {
  const volume = new MemoryVolume()
  volume.makeDirectory("data")
  return { volume, directory: "data", settle: () => {}, dispose: () => {} }
})

describe("MemoryVolume: capacity", () => {
  it("refuses a write beyond it and changes nothing", () => {
    const volume = new MemoryVolume({ capacityBytes: 100 })
    const file = volume.open("one", "create")
    file.writeAt(0, new Uint8Array(80))
    assert.throws(() => file.writeAt(60, new Uint8Array(41).fill(1)), /ENOSPC/)
    assert.throws(() => file.truncate(101), /ENOSPC/)
    assert.strictEqual(file.size(), 80)
    assert.strictEqual(file.readAt(0, new Uint8Array(100)), 80)
  })

  it("gives room back when a file is cut, removed or replaced", () => {
    const volume = new MemoryVolume({ capacityBytes: 100 })
    const one = volume.open("one", "create")
    one.writeAt(0, new Uint8Array(100))
    one.truncate(50)
    const two = volume.open("two", "create")
    two.writeAt(0, new Uint8Array(50))
    volume.rename("two", "one")
    volume.open("three", "create").writeAt(0, new Uint8Array(50))
    volume.remove("three")
    volume.open("four", "create").writeAt(0, new Uint8Array(50))
    assert.throws(() => volume.open("five", "create").writeAt(0, new Uint8Array(1)), /ENOSPC/)
  })

  it("refuses paths that climb", () => {
    assert.throws(() => new MemoryVolume().open("../one", "create"), /EINVAL/)
  })
})
