import { diskFault } from "./Failure.ts"
import type { DiskOperation } from "./Volume.ts"

/**
 * Splits a path of a volume without a file system below it into names; `""` and `.` add none, so `"/a"`, `"a"` and `"./a/"` are
 * one place. `..` is refused with `EINVAL`: no part of Planck climbs.
 */
export function pathNames(operation: DiskOperation, path: string): Array<string> {
  const names = path.split("/").filter((name) => name !== "" && name !== ".")
  if (names.includes("..")) throw diskFault(operation, path, "EINVAL")
  return names
}
