/**
 * Finds a name that a document has twice. Used where documents come from outside.
 *
 * Few names are compared with each other; many go through a Set, whose hash is seeded per process, so that no input makes it slow.
 */
import { readLatin1 } from "./Utf8.ts"
import { documentEnd, equalBytes, firstElement, nameEnd, skipValue } from "./View.ts"

const FEW_NAMES_MAX = 16

const nameStarts = new Int32Array(FEW_NAMES_MAX)
/** The low bits of each name's length, its first and its last byte: most names differ in these already. */
const nameMarks = new Int32Array(FEW_NAMES_MAX)

/** The offset of the first element of the document at `at` whose name occurred before, or -1. The document's structure is valid. */
export function findDuplicateName(bytes: Uint8Array, at: number): number {
  const end = documentEnd(bytes, at)
  let count = 0
  for (let element = firstElement(at); element < end; count++) {
    if (count === FEW_NAMES_MAX) return findAmongMany(bytes, at, end)
    const start = element + 1
    const stop = nameEnd(bytes, element)
    const mark = ((stop - start) << 16) | (bytes[start]! << 8) | bytes[stop - 1]!
    for (let index = 0; index < count; index++) {
      // The NUL is compared too, so names of different lengths are never equal.
      if (nameMarks[index] === mark && equalBytes(bytes, nameStarts[index]!, bytes, start, stop - start + 1)) return element
    }
    nameStarts[count] = start
    nameMarks[count] = mark
    element = skipValue(bytes, bytes[element]!, stop + 1)
  }
  return -1
}

function findAmongMany(bytes: Uint8Array, at: number, end: number): number {
  const names = new Set<string>()
  for (let element = firstElement(at); element < end;) {
    const stop = nameEnd(bytes, element)
    const name = readLatin1(bytes, element + 1, stop)
    if (names.has(name)) return element
    names.add(name)
    element = skipValue(bytes, bytes[element]!, stop + 1)
  }
  return -1
}
