import { assert, describe, it } from "@effect/vitest"
import { describeVolume } from "../Contract/DiskContract.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { File, Volume } from "../../src/Disk/Volume.ts"

describeVolume("SimulatedVolume", () => {
  const volume = new SimulatedVolume({ seed: 1 })
  volume.makeDirectory("data")
  return { volume, directory: "data", settle: () => volume.pumpAll(), dispose: () => {} }
})

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed)

function contentOf(volume: Volume, path: string): string | undefined {
  if (!volume.exists(path)) return undefined
  const file = volume.open(path, "read")
  const bytes = new Uint8Array(file.size())
  file.readAt(0, bytes)
  return describeSectors(bytes)
}

/** A letter per sector of 512 bytes: `.` for zeros, `?` for a sector that is not all one letter. */
function describeSectors(bytes: Uint8Array): string {
  let text = ""
  for (let at = 0; at < bytes.length; at += 512) {
    const sector = bytes.subarray(at, Math.min(at + 512, bytes.length))
    const first = sector[0]!
    text += !sector.every((byte) => byte === first) ? "?" : first === 0 ? "." : String.fromCharCode(first)
  }
  return text
}

const sectors = (letters: string) => {
  const bytes = new Uint8Array(letters.length * 512)
  for (let index = 0; index < letters.length; index++) bytes.fill(letters.charCodeAt(index), index * 512, index * 512 + 512)
  return bytes
}

/** A file that is on disk with its name and content. */
function durableFile(volume: SimulatedVolume, path: string, letters: string): File {
  const file = volume.open(path, "create")
  file.writeAt(0, sectors(letters))
  file.syncData(() => {})
  volume.syncDirectory(".", () => {})
  volume.pumpAll()
  return file
}

/** What is left of a file in each of many crashes. */
const outcomes = (volume: SimulatedVolume, path: string) => new Set(SEEDS.map((seed) => contentOf(volume.crash(seed), path)))

describe("SimulatedVolume: a crash", () => {
  it("keeps what was synced, name and content", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    durableFile(volume, "one", "abc")
    assert.deepStrictEqual(outcomes(volume, "one"), new Set(["abc"]))
  })

  it("is the same for the same seed", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const file = durableFile(volume, "one", "aaaa")
    file.writeAt(0, sectors("bbbbbb"))
    for (const seed of SEEDS) assert.strictEqual(contentOf(volume.crash(seed), "one"), contentOf(volume.crash(seed), "one"))
  })

  it("loses, tears and keeps unsynced writes by sectors, never within one", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    durableFile(volume, "one", "aaaa").writeAt(0, sectors("bbbb"))
    const seen = outcomes(volume, "one")
    for (const expected of ["aaaa", "bbbb", "abaa", "bbaa"]) assert.include([...seen], expected)
    for (const outcome of seen) assert.match(outcome!, /^[ab]{4}$/)
  })

  it("may keep a later write and lose an earlier one", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const file = durableFile(volume, "one", "aaaa")
    file.writeAt(0, sectors("b"))
    file.writeAt(1536, sectors("c"))
    const seen = outcomes(volume, "one")
    for (const expected of ["aaac", "baaa", "baac", "aaaa"]) assert.include([...seen], expected)
  })

  it("may be ahead in one file and behind in another", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const one = durableFile(volume, "one", "a")
    const two = durableFile(volume, "two", "a")
    one.writeAt(0, sectors("b"))
    two.writeAt(0, sectors("b"))
    const seen = new Set(SEEDS.map((seed) => volume.crash(seed)).map((image) => `${contentOf(image, "one")}${contentOf(image, "two")}`))
    assert.deepStrictEqual([...seen].toSorted(), ["aa", "ab", "ba", "bb"])
  })

  it("may leave a length without its content", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    durableFile(volume, "one", "a").writeAt(512, sectors("bb"))
    const seen = outcomes(volume, "one")
    for (const expected of ["a", "a..", "abb", "a.b"]) assert.include([...seen], expected)
  })

  it("covers by a sync only what was written before it was called", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const file = durableFile(volume, "one", "aa")
    file.writeAt(0, sectors("b"))
    file.syncData(() => {})
    file.writeAt(512, sectors("c"))
    assert.isTrue(volume.pump())
    assert.deepStrictEqual([...outcomes(volume, "one")].toSorted(), ["ba", "bc"])
  })

  it("may lose everything of a sync that was called and has not completed", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const file = durableFile(volume, "one", "aa")
    file.writeAt(0, sectors("bb"))
    file.syncData(() => {})
    assert.strictEqual(volume.syncsWaiting, 1)
    assert.include([...outcomes(volume, "one")], "aa")
  })

  it("does not let a file be written while it is cut", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const file = volume.open("file", "create")
    const other = volume.open("other", "create")
    file.writeAt(0, new Uint8Array(100))
    let isOver = false
    file.truncateAndSync(10, () => (isOver = true))
    assert.throws(() => volume.open("file", "update").writeAt(0, new Uint8Array(1)), /while it is cut/)
    assert.throws(() => file.truncate(5), /while it is cut/)
    other.writeAt(0, new Uint8Array(1))
    volume.pumpAll()
    assert.isTrue(isOver)
    file.writeAt(0, new Uint8Array(1))
    assert.strictEqual(file.size(), 10)
  })

  it("may lose created, renamed and removed names until the directory is synced", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const created = volume.open("created", "create")
    created.writeAt(0, sectors("a"))
    created.syncData(() => {})
    durableFile(volume, "removed", "b")
    durableFile(volume, "old", "c")
    volume.open("fresh", "create")
    volume.remove("removed")
    volume.rename("old", "new")
    const names = new Set(SEEDS.map((seed) => volume.crash(seed).list(".").join(" ")))
    assert.include([...names], "created old removed")
    assert.include([...names], "created fresh new")
    for (const listed of names) assert.match(listed, /^(?!.*\bnew\b.*\bold\b)(?=.*(new|old))/, "a rename happens whole or not at all")
    volume.syncDirectory(".", () => {})
    volume.pumpAll()
    assert.deepStrictEqual(new Set(SEEDS.map((seed) => volume.crash(seed).list(".").join(" "))), new Set(["created fresh new"]))
  })

  it("may take a whole directory whose name was not synced", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    volume.makeDirectory("data")
    volume.open("data/one", "create").syncData(() => {})
    volume.syncDirectory("data", () => {})
    volume.pumpAll()
    assert.deepStrictEqual(new Set(SEEDS.map((seed) => volume.crash(seed).exists("data/one"))), new Set([true, false]))
  })

  it("releases every lock and leaves the crashed volume as it was", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    durableFile(volume, "one", "a").writeAt(0, sectors("b"))
    volume.lock(".")
    volume.crash(3).lock(".")
    assert.strictEqual(contentOf(volume, "one"), "b")
  })
})

describe("SimulatedVolume: failures", () => {
  it("numbers every operation that changes something and tells of it first", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const seen: Array<string> = []
    volume.onOperation(({ index, operation, path }) => {
      seen.push(`${index} ${operation} ${path} ${volume.exists("two")}`)
    })
    const file = volume.open("one", "create")
    file.writeAt(0, sectors("a"))
    file.size()
    file.readAt(0, new Uint8Array(1))
    file.syncData(() => {})
    volume.rename("one", "two")
    volume.pumpAll()
    assert.deepStrictEqual(seen, [
      "1 create one false",
      "2 write one false",
      "3 sync one false",
      "4 rename one false",
      "5 syncCompletes one true"
    ])
    assert.strictEqual(volume.operations, 5)
  })

  it("fails the operation asked for, with its code, once", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    volume.failAt(2, "EIO")
    const file = volume.open("one", "create")
    assert.throws(() => file.writeAt(0, sectors("a")), /EIO/)
    file.writeAt(0, sectors("a"))
    assert.strictEqual(contentOf(volume, "one"), "a")
  })

  it("can fail reads", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const file = durableFile(volume, "one", "a")
    volume.failWhen(({ operation }) => (operation === "read" ? "EIO" : undefined))
    assert.throws(() => file.readAt(0, new Uint8Array(1)), /read path=one offset=0 code=EIO|EIO/)
    volume.heal()
    assert.strictEqual(file.readAt(0, new Uint8Array(1)), 1)
  })

  it("never brings to disk what a failed sync has dropped", () => {
    const left = new Set<string>()
    for (const seed of SEEDS) {
      const volume = new SimulatedVolume({ seed })
      const file = durableFile(volume, "one", "aaaa")
      file.writeAt(0, sectors("bbbb"))
      volume.failAt(volume.operations + 2, "EIO")
      let code: string | undefined
      file.syncData((fault) => (code = fault?.reason.code))
      volume.pumpAll()
      assert.strictEqual(code, "EIO")
      file.syncData((fault) => (code = fault?.reason.code))
      volume.pumpAll()
      assert.strictEqual(code, undefined, "a later sync succeeds, and proves nothing")
      left.add(contentOf(volume.crash(seed), "one")!)
    }
    assert.isAbove(left.size, 3)
    assert.isTrue([...left].some((outcome) => outcome.includes("a")))
  })

  it("has no room beyond its capacity", () => {
    const volume = new SimulatedVolume({ seed: 1, capacityBytes: 2048 })
    const file = volume.open("one", "create")
    file.writeAt(0, sectors("aaaa"))
    assert.throws(() => file.writeAt(2048, sectors("b")), /ENOSPC/)
    file.writeAt(0, sectors("bbbb"))
    file.truncate(0)
    file.writeAt(0, sectors("c"))
  })

  it("rots on disk and in the page cache", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    durableFile(volume, "one", "aa")
    volume.rot("one", 512, 1)
    assert.strictEqual(contentOf(volume, "one"), "a?")
    assert.deepStrictEqual(outcomes(volume, "one"), new Set(["a?"]))
  })
})

describe("SimulatedVolume: a process that is killed", () => {
  it("leaves everything it wrote to the next one, and nothing of it certain", () => {
    const left = new Set<string>()
    for (const seed of SEEDS) {
      const volume = new SimulatedVolume({ seed })
      const file = durableFile(volume, "one", "aa")
      file.writeAt(0, sectors("bb"))
      file.syncData(() => assert.fail("nobody is there any more to be told"))
      const next = volume.kill(seed)
      assert.strictEqual(contentOf(next, "one"), "bb")
      assert.strictEqual(next.syncsWaiting, 0)
      left.add(contentOf(next.crash(seed), "one")!)
    }
    assert.deepStrictEqual(left, new Set(["aa", "ab", "ba", "bb"]))
  })

  it("gives its locks back", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    volume.makeDirectory("data")
    volume.lock("data")
    volume.kill(1).lock("data")
  })

  it("lets the next one bring to disk what it left in the page cache", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    durableFile(volume, "one", "aa").writeAt(0, sectors("bb"))
    const next = volume.kill(1)
    next.open("one", "update").syncData(() => {})
    next.pumpAll()
    assert.deepStrictEqual(outcomes(next, "one"), new Set(["bb"]))
  })
})

describe("SimulatedVolume: what is certain", () => {
  it("is what was synced, names and bytes", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    durableFile(volume, "one", "aa").writeAt(512, sectors("bb"))
    volume.open("two", "create")
    assert.deepStrictEqual(volume.paths(), ["one", "two"])
    assert.deepStrictEqual(volume.durable().paths(), ["one"])
    assert.strictEqual(contentOf(volume.durable(), "one"), "aa")
    assert.strictEqual(describeSectors(volume.peek("one")), "abb")
  })
})

describe("SimulatedVolume: a disk that lies", () => {
  it("can lose a write that everybody sees, the sync of which succeeds", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const file = durableFile(volume, "one", "aaa")
    volume.strayWhen(({ offset }) => (offset === 512 ? "lost" : undefined))
    file.writeAt(512, sectors("bb"))
    file.syncData((fault) => assert.isUndefined(fault))
    volume.pumpAll()
    assert.strictEqual(contentOf(volume, "one"), "abb")
    assert.deepStrictEqual(outcomes(volume, "one"), new Set(["aaa"]))
  })

  it("can write to another place, of the same file or another", () => {
    const volume = new SimulatedVolume({ seed: 1 })
    const file = durableFile(volume, "one", "aaaa")
    const other = durableFile(volume, "two", "cccc")
    volume.strayWhen(({ offset }) => ({ path: offset === 0 ? "one" : "two", sectorsBy: 2 }))
    file.writeAt(0, sectors("b"))
    file.writeAt(512, sectors("bb"))
    for (const each of [file, other]) each.syncData(() => {})
    volume.pumpAll()
    assert.strictEqual(contentOf(volume, "one"), "bbba")
    assert.strictEqual(contentOf(volume, "two"), "cccc", "behind the end of the file nothing lands")
    assert.deepStrictEqual(outcomes(volume, "one"), new Set(["aaba"]))
    assert.deepStrictEqual(outcomes(volume, "two"), new Set(["cccb"]))
  })
})
