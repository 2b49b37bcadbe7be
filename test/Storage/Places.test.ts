import { assert, describe, it } from "@effect/vitest"
import { Places } from "../../src/Storage/Places.ts"
import { Location } from "../../src/Storage/TreeSource.ts"

function add(places: Places, count: number, segment: number): void {
  const location = new Location()
  for (let index = 0; index < count; index++) {
    location.segment = segment
    location.offset = index * 8
    location.length = index % 1000
    location.lsn = 1 + index
    places.add(location)
  }
}

/** How many of the places, from the first on, are those that `add` has added. */
function whole(places: Places, count: number, segment: number): number {
  const location = new Location()
  places.rewind()
  for (let index = 0; index < count; index++) {
    places.take()
    location.read(places.bytes, places.at)
    const { length, lsn, offset } = location
    if (location.segment !== segment || offset !== index * 8 || length !== index % 1000 || lsn !== 1 + index) return index
  }
  return count
}

describe("the places of a flush", () => {
  it("come back in the order in which they were added, of one flush after the other, small and large", () => {
    const places = new Places()
    for (const [segment, count] of [5000, 10, 140_000, 2049, 2048].entries()) {
      places.clear()
      add(places, count, 1 + segment)
      assert.strictEqual(whole(places, count, 1 + segment), count)
    }
  })

  it("lie in the same memory as those of the flush before", () => {
    const places = new Places()
    add(places, 3000, 1)
    whole(places, 1, 1)
    const { bytes } = places
    places.clear()
    add(places, 3000, 2)
    whole(places, 1, 2)
    assert.strictEqual(places.bytes, bytes)
  })
})
