import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { isFault } from "../../src/Fault/Fault.ts"
import type { DirectoryLocked, DiskFailure, File, Volume } from "../../src/Disk/Volume.ts"
import { joinPath } from "../../src/Disk/Volume.ts"

/** A volume under test and a directory of its own on it. */
export interface VolumeFixture {
  readonly volume: Volume
  /** An existing, empty directory. */
  readonly directory: string
  /** Lets waiting syncs complete, where they do not by themselves. */
  readonly settle: () => void
  readonly dispose: () => void
}

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** The code of the `DiskFailure` that `run` throws. */
function failureOf(run: () => unknown): DiskFailure {
  try {
    run()
  } catch (error) {
    if (isFault<DiskFailure & Record<string, unknown>>(error, "DiskFailure")) return error.reason
    throw error
  }
  return assert.fail("expected a DiskFailure")
}

/** What every volume promises, whatever is below it. */
export function describeVolume(name: string, make: () => VolumeFixture): void {
  describe(`${name}: the contract of a volume`, () => {
    let fixture: VolumeFixture
    let volume: Volume
    const opened: Array<File> = []
    const at = (path: string) => joinPath(fixture.directory, path)
    const create = (path: string) => {
      const file = volume.open(at(path), "create")
      opened.push(file)
      return file
    }
    const contentOf = (file: File) => {
      const bytes = new Uint8Array(file.size())
      assert.strictEqual(file.readAt(0, bytes), bytes.length)
      return bytes
    }
    const synced = (start: (done: (fault: unknown) => void) => void) =>
      new Promise<void>((resolve, reject) => {
        start((fault) => (fault === undefined ? resolve() : reject(fault)))
        fixture.settle()
      })

    beforeEach(() => {
      fixture = make()
      volume = fixture.volume
    })
    afterEach(() => {
      for (const file of opened.splice(0)) file.close()
      fixture.dispose()
    })

    it("creates an empty file once and opens it again", () => {
      const file = create("one")
      assert.strictEqual(file.size(), 0)
      assert.strictEqual(file.path, at("one"))
      assert.strictEqual(failureOf(() => volume.open(at("one"), "create")).code, "EEXIST")
      volume.open(at("one"), "update").close()
    })

    it("refuses to open what is not there, and names operation and path", () => {
      for (const mode of ["read", "update"] as const) {
        const failure = failureOf(() => volume.open(at("missing"), mode))
        assert.deepStrictEqual(failure, { _tag: "DiskFailure", operation: "open", path: at("missing"), code: "ENOENT" })
      }
      assert.strictEqual(failureOf(() => volume.open(at("no/where"), "create")).code, "ENOENT")
    })

    it("reads back what was written, at any offset", () => {
      const file = create("one")
      file.writeAt(0, bytesOf("hello world"))
      file.writeAt(6, bytesOf("there"))
      assert.deepStrictEqual(contentOf(file), bytesOf("hello there"))
      const into = new Uint8Array(5)
      assert.strictEqual(file.readAt(6, into), 5)
      assert.deepStrictEqual(into, bytesOf("there"))
    })

    it("reads fewer bytes only at the end of the file", () => {
      const file = create("one")
      file.writeAt(0, bytesOf("abc"))
      assert.strictEqual(file.readAt(1, new Uint8Array(8)), 2)
      assert.strictEqual(file.readAt(3, new Uint8Array(8)), 0)
      assert.strictEqual(file.readAt(99, new Uint8Array(8)), 0)
    })

    it("fills a gap with zeros", () => {
      const file = create("one")
      file.writeAt(1000, bytesOf("x"))
      const content = contentOf(file)
      assert.strictEqual(content.length, 1001)
      assert.isTrue(content.subarray(0, 1000).every((byte) => byte === 0))
    })

    it("cuts and extends with zeros, and forgets what was cut", () => {
      const file = create("one")
      file.writeAt(0, new Uint8Array(3000).fill(7))
      file.truncate(700)
      assert.strictEqual(file.size(), 700)
      file.truncate(2000)
      const content = contentOf(file)
      assert.isTrue(content.subarray(0, 700).every((byte) => byte === 7))
      assert.isTrue(content.subarray(700).every((byte) => byte === 0))
    })

    it("does not keep the caller's buffer", () => {
      const file = create("one")
      const buffer = bytesOf("abc")
      file.writeAt(0, buffer)
      buffer.fill(0)
      assert.deepStrictEqual(contentOf(file), bytesOf("abc"))
    })

    it("refuses to write to a file opened for reading", () => {
      create("one").writeAt(0, bytesOf("abc"))
      const file = volume.open(at("one"), "read")
      opened.push(file)
      assert.strictEqual(failureOf(() => file.writeAt(0, bytesOf("x"))).operation, "write")
      assert.deepStrictEqual(contentOf(file), bytesOf("abc"))
    })

    it("refuses everything on a closed file, and lets it be closed twice", () => {
      const file = create("one")
      file.close()
      file.close()
      const uses = [
        () => file.size(),
        () => file.readAt(0, new Uint8Array(1)),
        () => file.writeAt(0, new Uint8Array(1)),
        () => file.truncate(0),
        () => file.syncData(() => {}),
        () => file.truncateAndSync(0, () => {})
      ]
      for (const use of uses) assert.strictEqual(failureOf(use).code, "EBADF")
    })

    it("cuts and syncs in one, and the file may be closed meanwhile", async () => {
      const file = create("one")
      file.writeAt(0, new Uint8Array(3000).fill(7))
      await synced((done) => {
        file.truncateAndSync(700, done)
        file.close()
      })
      const again = volume.open(at("one"), "read")
      opened.push(again)
      assert.deepStrictEqual(contentOf(again), new Uint8Array(700).fill(7))
    })

    it("tells of a sync after the call, once", async () => {
      const file = create("one")
      file.writeAt(0, bytesOf("abc"))
      let calls = 0
      const over = synced((done) =>
        file.syncData((fault) => {
          calls++
          done(fault)
        })
      )
      await over
      await synced((done) => volume.syncDirectory(fixture.directory, done))
      assert.strictEqual(calls, 1)
    })

    it("never calls back inside the call", () => {
      const file = create("one")
      let called = false
      file.syncData(() => (called = true))
      assert.isFalse(called)
      volume.syncDirectory(fixture.directory, () => (called = true))
      assert.isFalse(called)
      fixture.settle()
    })

    it("completes a sync whose file is closed meanwhile", async () => {
      const file = create("one")
      file.writeAt(0, bytesOf("abc"))
      await synced((done) => {
        file.syncData(done)
        file.close()
      })
    })

    it("reports the sync of a directory that is not there", async () => {
      const fault = await synced((done) => volume.syncDirectory(at("missing"), done)).then(
        () => undefined,
        (error: unknown) => error
      )
      assert.isTrue(isFault<DiskFailure & Record<string, unknown>>(fault, "DiskFailure") && fault.reason.operation === "syncDirectory")
    })

    it("lists names in order and knows what exists", () => {
      create("b")
      create("a")
      volume.makeDirectory(at("c"))
      assert.deepStrictEqual(volume.list(fixture.directory), ["a", "b", "c"])
      assert.isTrue(volume.exists(at("a")))
      assert.isTrue(volume.exists(at("c")))
      assert.isFalse(volume.exists(at("d")))
      assert.strictEqual(failureOf(() => volume.list(at("d"))).code, "ENOENT")
    })

    it("makes directories with those above them, once or again", () => {
      volume.makeDirectory(at("x/y/z"))
      volume.makeDirectory(at("x/y/z"))
      assert.deepStrictEqual(volume.list(at("x")), ["y"])
      create("x/y/z/one").writeAt(0, bytesOf("abc"))
      assert.deepStrictEqual(volume.list(at("x/y/z")), ["one"])
      assert.strictEqual(failureOf(() => volume.makeDirectory(at("x/y/z/one"))).code, "EEXIST")
    })

    it("renames within a directory, over what is there, and open files stay valid", () => {
      const one = create("one")
      one.writeAt(0, bytesOf("new"))
      const two = create("two")
      two.writeAt(0, bytesOf("old"))
      volume.rename(at("one"), at("two"))
      assert.deepStrictEqual(volume.list(fixture.directory), ["two"])
      one.writeAt(3, bytesOf("er"))
      const again = volume.open(at("two"), "read")
      opened.push(again)
      assert.deepStrictEqual(contentOf(again), bytesOf("newer"))
      assert.deepStrictEqual(contentOf(two), bytesOf("old"))
    })

    it("refuses to rename what is not there, or into another directory", () => {
      volume.makeDirectory(at("sub"))
      create("one")
      assert.strictEqual(failureOf(() => volume.rename(at("missing"), at("two"))).code, "ENOENT")
      assert.strictEqual(failureOf(() => volume.rename(at("one"), at("sub/one"))).code, "EXDEV")
      assert.isTrue(volume.exists(at("one")))
    })

    it("removes a name; an open file can still be read", () => {
      const file = create("one")
      file.writeAt(0, bytesOf("abc"))
      volume.remove(at("one"))
      assert.isFalse(volume.exists(at("one")))
      assert.deepStrictEqual(contentOf(file), bytesOf("abc"))
      assert.strictEqual(failureOf(() => volume.remove(at("one"))).code, "ENOENT")
      create("one")
    })

    it("locks a directory once and tells a second opener by whom", () => {
      const lock = volume.lock(fixture.directory)
      try {
        volume.lock(fixture.directory)
        assert.fail("locked twice")
      } catch (error) {
        if (!isFault<DirectoryLocked & Record<string, unknown>>(error, "DirectoryLocked")) throw error
        assert.deepStrictEqual(error.reason, { _tag: "DirectoryLocked", path: fixture.directory, owner: lock.owner })
      }
      lock.release()
      lock.release()
      volume.lock(fixture.directory).release()
    })

    it("refuses to lock a directory that is not there", () => {
      assert.strictEqual(failureOf(() => volume.lock(at("missing"))).operation, "lock")
    })
  })
}
