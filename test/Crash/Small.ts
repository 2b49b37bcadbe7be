/** The service of the crash tests and the limits under which everything happens often. */
import { defaultSettings } from "../../src/Config/Configuration.ts"
import type { Settings } from "../../src/Config/Settings.ts"
import { databaseDirectory } from "../../src/Server.ts"

export const SERVICE = "ledger"
/** The folder of its source. */
export const SERVICE_FOLDER = new URL("../Fixtures/services/ledger", import.meta.url).pathname

const KIB = 1024

export const SMALL_LIMITS = {
  memtableBytesMax: 1024 * KIB,
  logSegmentBytesMax: 128 * KIB,
  logStagingBytesMax: 512 * KIB,
  valueSegmentBytesMax: 128 * KIB,
  directTreeBytesMax: 64 * KIB,
  foldEntriesMax: 64,
  compactionBytesMax: 512 * KIB,
  compactionBatchBytesMax: 64 * KIB,
  reserveBytes: 64 * KIB,
  indexCacheBytesMax: 256 * KIB,
  valueCacheBytesMax: 256 * KIB
}

/** So small that nearly every commit is flushed by itself. */
export const TINY_LIMITS = { ...SMALL_LIMITS, memtableBytesMax: 192 * KIB }

/** A busy machine must not make calls fail. */
export const DEADLINE_MS = 5000

/** The settings of a server in a test: a free port, and time for calls. */
export const testSettings: Settings = {
  ...defaultSettings,
  http: { ...defaultSettings.http, port: 0 },
  guest: { ...defaultSettings.guest, deadlineMs: DEADLINE_MS }
}

/** The directory of the ledger's database below that of all data. */
export const ledgerDirectory = (data: string): string => databaseDirectory(data, SERVICE)
