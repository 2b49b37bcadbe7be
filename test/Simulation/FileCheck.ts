/** The files of a database that is not open: what `verify` says about them, and what each byte is for. */
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { type StorageReport, verify } from "../../src/Storage/Verify.ts"

/** Tells `refuse` what is wrong with them, if anything is. */
export async function checkFiles(volume: SimulatedVolume, directory: string, refuse: (message: string) => void): Promise<void> {
  const { fault, report } = await new Promise<{ fault: Error | undefined; report: StorageReport | undefined }>((resolve) => {
    verify(volume, directory, (fault, report) => resolve({ fault, report }))
  })
  if (report === undefined) return refuse(fault?.message ?? "there is no report")
  const [problem] = report.problems
  if (problem !== undefined) return refuse(JSON.stringify(problem))
  const { indexBytes, logBytes, reserveBytes, strangers, unfinishedBytes, valueBytes } = report.space
  const paths = volume.paths().filter((path) => path.startsWith(`${directory}/`))
  const sizeBytes = paths.reduce((sum, path) => sum + volume.peek(path).length, 0)
  const knownBytes = indexBytes + logBytes + reserveBytes + unfinishedBytes + valueBytes
  if (strangers.length > 0 || knownBytes !== sizeBytes) refuse(`${knownBytes} of ${sizeBytes} bytes are accounted for; ${strangers.join()}`)
}
