import { assert, describe, it } from "@effect/vitest"
import { PAGE_BYTES } from "../../src/Index/Layout.ts"
import { FRAMES_MIN, PageFrames } from "../../src/Index/PageFrames.ts"
import { Random } from "../Storage/Random.ts"

/** A cache that knows where its pages are, as `PageCache` does. */
class Owner {
  readonly frames: PageFrames
  readonly number: number
  readonly #places = new Map<number, number>()

  constructor(frames: PageFrames) {
    this.frames = frames
    this.number = frames.enter(this)
  }

  get pages(): ReadonlyArray<number> {
    return [...this.#places.keys()]
  }

  take(page: number): number {
    const frame = this.frames.free(this.number)
    assert.strictEqual(this.frames.pages[frame], 0, "the frame is empty")
    this.frames.fill(frame, this.number, page)
    this.#places.set(page, frame)
    return frame
  }

  drop(page: number): void {
    this.frames.empty(this.#places.get(page)!)
    this.#places.delete(page)
  }

  check(): void {
    for (const [page, frame] of this.#places)
      assert.deepStrictEqual([this.frames.pages[frame], this.frames.owners[frame]], [page, this.number])
  }
}

describe("frames for index pages", () => {
  it("are filled again before memory is touched that nothing was in", () => {
    const owner = new Owner(new PageFrames(FRAMES_MIN * PAGE_BYTES))
    const first = [1, 2, 3].map((page) => owner.take(page))
    owner.drop(2)
    owner.drop(1)
    assert.deepStrictEqual([owner.take(4), owner.take(5)], [first[0]!, first[1]!])
    assert.notInclude(first, owner.take(6))
  })

  it("are not lost with a page that could not be read", () => {
    const frames = new PageFrames(FRAMES_MIN * PAGE_BYTES)
    const owner = new Owner(frames)
    for (let attempt = 0; attempt < 1000; attempt++) frames.free(owner.number)
    for (let page = 1; page <= FRAMES_MIN; page++) owner.take(page)
    assert.strictEqual(owner.pages.length, FRAMES_MIN)
    assert.strictEqual(frames.usedBytes, FRAMES_MIN * PAGE_BYTES)
  })

  it("have one page each, whoever takes, drops and leaves", () => {
    const random = new Random(6)
    const frames = new PageFrames(FRAMES_MIN * PAGE_BYTES)
    let owners = [new Owner(frames), new Owner(frames)]
    let page = 0
    for (let step = 0; step < 20_000; step++) {
      const owner = owners[random.below(owners.length)]!
      if (random.chance(70) || owner.pages.length === 0) owner.take(++page)
      else owner.drop(owner.pages[random.below(owner.pages.length)]!)
      if (random.chance(1) && owners.length > 1) {
        owners = owners.filter((it) => it !== owner)
        frames.leave(owner.number)
      } else if (owners.length < 3 && random.chance(5)) owners.push(new Owner(frames))
      if (step % 100 === 0) for (const it of owners) it.check()
    }
    assert.strictEqual(frames.usedBytes, owners.reduce((sum, it) => sum + it.pages.length, 0) * PAGE_BYTES)
  })
})
