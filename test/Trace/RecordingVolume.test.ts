import { assert, describe, it } from "@effect/vitest"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"
import { Random } from "../../src/Disk/Random.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { describeVolume } from "../Contract/DiskContract.ts"
import { countChanges, imagesOf } from "./Images.ts"
import { RecordingVolume, Trace } from "./RecordingVolume.ts"
import { Replay } from "./Replay.ts"

describeVolume("RecordingVolume", () => {
  const volume = new RecordingVolume(new MemoryVolume(), new Trace())
  volume.makeDirectory("data")
  return { volume, directory: "data", settle: () => {}, dispose: () => {} }
})

const text = (word: string): Uint8Array => new TextEncoder().encode(word)
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A file that is made, written, synced, written again and renamed. */
async function record(): Promise<Trace> {
  const trace = new Trace()
  const volume = new RecordingVolume(new MemoryVolume(), trace)
  volume.makeDirectory("data")
  const file = volume.open("data/one", "create")
  file.writeAt(0, text("first"))
  file.syncData(() => trace.add({ kind: "answer", id: "1", status: 200, body: "" }))
  volume.syncDirectory("data", () => {})
  volume.syncDirectory(".", () => {})
  await turn()
  file.writeAt(0, text("other"))
  volume.rename("data/one", "data/two")
  return trace
}

const contents = (volume: SimulatedVolume): string =>
  volume
    .paths()
    .map((path) => `${path} ${new TextDecoder().decode(volume.peek(path))}`)
    .join()

describe("a recording volume", () => {
  it("writes down what changes, the end of a sync before what follows from it, and nothing that fails", async () => {
    const { events } = await record()
    assert.deepStrictEqual(
      events.map(({ kind }) => kind),
      [
        "makeDirectory",
        "open",
        "write",
        "sync",
        "syncDirectory",
        "syncDirectory",
        "synced",
        "answer",
        "synced",
        "synced",
        "write",
        "rename"
      ]
    )
    const trace = new Trace()
    const volume = new RecordingVolume(new MemoryVolume(), trace)
    assert.throws(() => volume.remove("nothing"))
    assert.throws(() => volume.open("nothing", "read"))
    assert.deepStrictEqual(trace.events, [])
  })

  it("keeps the bytes as they were", () => {
    const trace = new Trace()
    const bytes = text("before")
    new RecordingVolume(new MemoryVolume(), trace).open("one", "create").writeAt(0, bytes)
    bytes.fill(0)
    const [, write] = trace.events
    assert.deepStrictEqual(write?.kind === "write" && write.bytes, text("before"))
  })
})

describe("a replayed trace", () => {
  it("leaves what a power cut could leave, before and after each sync returned", async () => {
    const { events } = await record()
    const replay = new Replay(new SimulatedVolume({ seed: 1 }))
    const seen = new Map<string, Set<string>>()
    const random = new Random(1)
    for (const [index, event] of events.entries()) {
      replay.play(event)
      const images = imagesOf(replay.volume, random).map(({ make }) => contents(make()))
      seen.set(`${index} ${event.kind}`, new Set([contents(replay.volume.durable()), ...images]))
    }
    assert.deepStrictEqual(seen.get("2 write"), new Set(["", "data/one first", "data/one "]))
    assert.deepStrictEqual(seen.get("9 synced"), new Set(["data/one first"]))
    assert.deepStrictEqual(seen.get("11 rename"), new Set(["data/one first", "data/one other", "data/two first", "data/two other"]))
    assert.strictEqual(countChanges(replay.volume), 2)
  })
})
