/** Inputs of the fuzzer: valid bytes with something done to them, or bytes that never were valid. */
import type { Random } from "../../src/Disk/Random.ts"

/** Changes made to one sample, one after the other. */
const CHANGES_MAX = 4
const RANDOM_BYTES_MAX = 400
const RANGE_BYTES_MAX = 64
/** What lengths, counts and offsets are set to: the ends of every width, and what is next to them. */
const EXTREMES = [0, 1, 4, 5, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff]

/** Mostly a mutation of one of the samples, now and then noise. */
export function inputOf(samples: ReadonlyArray<Uint8Array>, random: Random): Uint8Array<ArrayBuffer> {
  if (samples.length === 0 || random.chance(0.03)) return noise(random, random.below(RANDOM_BYTES_MAX))
  let bytes = new Uint8Array(samples[random.below(samples.length)]!)
  for (let left = 1 + random.below(CHANGES_MAX); left > 0; left--) bytes = change(bytes, samples, random)
  return bytes
}

function noise(random: Random, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  random.fillBytes(bytes)
  return bytes
}

function change(bytes: Uint8Array<ArrayBuffer>, samples: ReadonlyArray<Uint8Array>, random: Random): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length + 1)
  const end = Math.min(bytes.length, at + 1 + random.below(RANGE_BYTES_MAX))
  switch (random.below(9)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << random.below(8)
      return bytes
    case 1:
      if (at < bytes.length) bytes[at] = random.next() & 0xff
      return bytes
    case 2:
    case 3:
      return setNumber(bytes, random)
    case 4:
      return bytes.slice(0, at)
    case 5:
      return splice(bytes, at, end, new Uint8Array(0))
    case 6: {
      const other = samples[random.below(samples.length)]!
      const from = random.below(other.length + 1)
      return splice(bytes, at, random.chance(0.5) ? at : end, other.subarray(from, from + random.below(RANGE_BYTES_MAX)))
    }
    case 7:
      return splice(bytes, at, random.chance(0.5) ? at : end, noise(random, random.below(RANGE_BYTES_MAX)))
    default:
      return splice(bytes, at, at, bytes.slice(at, end))
  }
}

function splice(bytes: Uint8Array, from: number, to: number, between: Uint8Array): Uint8Array<ArrayBuffer> {
  const spliced = new Uint8Array(bytes.length - (to - from) + between.length)
  spliced.set(bytes.subarray(0, from))
  spliced.set(between, from)
  spliced.set(bytes.subarray(to), from + between.length)
  return spliced
}

/** Sets a number of one, two, four or eight bytes to an extreme, or to a little more or less than it was. */
function setNumber(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  const width = [1, 2, 4, 4, 8][random.below(5)]!
  if (bytes.length < width) return bytes
  const at = random.below(bytes.length - width + 1)
  const place = random.chance(0.7) ? at - (at % width) : at
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const value = EXTREMES[random.below(EXTREMES.length)]!
  if (width === 1) bytes[place] = value
  else if (width === 2) view.setUint16(place, value, true)
  else if (width === 4) view.setUint32(place, random.chance(0.3) ? view.getUint32(place, true) + random.below(17) - 8 : value, true)
  else {
    view.setUint32(place, value, true)
    view.setUint32(place + 4, random.chance(0.5) ? 0 : value, true)
  }
  return bytes
}
