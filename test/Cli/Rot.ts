import { openSync, readSync, writeSync } from "node:fs"

/** Flips a bit of a file. */
export function rot(path: string, offset: number): void {
  const file = openSync(path, "r+")
  const byte = new Uint8Array(1)
  readSync(file, byte, 0, 1, offset)
  byte[0]! ^= 1
  writeSync(file, byte, 0, 1, offset)
}
