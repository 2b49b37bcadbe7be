/**
 * What a directory of backups says about each: `<number as 8 decimal digits>.json`, a JSON value, a line feed, and its CRC-32 as 8 hex digits.
 *
 * Invariants
 * - A manifest gets its name when everything it names is on disk and was read back. Backups of one database share value segments: a segment
 *   only grows, and each manifest says how much of it is its own.
 */
import { crc32 } from "node:zlib"
import { joinPath, type Volume } from "../Disk/Volume.ts"
import { storageFault } from "./Reasons.ts"

export const BACKUP_VERSION = 1
const MANIFEST_BYTES_MAX = 64 * 1024 * 1024

/** A file of a backup: its first `bytes` bytes have the checksum `crc`, and become the file `name` of the database. */
export interface BackupFile {
  /** Below the directory of backups. */
  readonly path: string
  /** Below the directory of the database. */
  readonly name: string
  readonly bytes: number
  readonly crc: number
}

export interface BackupManifest {
  readonly planckBackup: number
  /** As hex digits. */
  readonly databaseId: string
  readonly timeline: string
  /** The commit that the backup is as of. */
  readonly lsn: number
  readonly takenAtMs: number
  /** The index file first. */
  readonly files: ReadonlyArray<BackupFile>
}

/** The name of backup `number`. */
export function manifestName(number: number): string {
  return `${String(number).padStart(8, "0")}.json`
}

/** The numbers of the backups in a directory, in order. */
export function backupNumbers(volume: Volume, directory: string): ReadonlyArray<number> {
  if (!volume.exists(directory)) return []
  return volume.list(directory).flatMap((name) => (/^\d{8}\.json$/.test(name) ? [Number.parseInt(name, 10)] : []))
}

export function encodeManifest(manifest: BackupManifest): Uint8Array {
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`
  return new TextEncoder().encode(`${text}${crc32(text).toString(16).padStart(8, "0")}\n`)
}

/** Reads a backup's manifest. Faults with StorageDamaged and NewerFormat. */
export function readManifest(volume: Volume, directory: string, number: number): BackupManifest {
  const path = joinPath(directory, manifestName(number))
  const file = volume.open(path, "read")
  let text: string
  try {
    const bytes = new Uint8Array(Math.min(file.size(), MANIFEST_BYTES_MAX))
    file.readAt(0, bytes)
    text = new TextDecoder().decode(bytes)
  } finally {
    file.close()
  }
  const damaged = (message: string) => storageFault({ _tag: "StorageDamaged", file: path, offset: 0, message })
  const match = /^([\s\S]*\n)([0-9a-f]{8})\n$/.exec(text)
  if (match === null || crc32(match[1]!) !== Number.parseInt(match[2]!, 16)) throw damaged("the manifest fails its checksum")
  const manifest = parse(match[1]!)
  if (typeof manifest?.planckBackup !== "number") throw damaged("this is no manifest of a backup")
  if (manifest.planckBackup > BACKUP_VERSION)
    throw storageFault({
      _tag: "NewerFormat",
      file: path,
      message: `${path} has version ${manifest.planckBackup}; this build knows up to ${BACKUP_VERSION}`
    })
  if (!isManifest(manifest)) throw damaged("the manifest does not say what a backup's has to")
  return manifest
}

/** An object, or nothing when the text is none. */
function parse(text: string): Partial<BackupManifest> | undefined {
  try {
    return (JSON.parse(text) as Partial<BackupManifest> | null) ?? undefined
  } catch {
    return undefined
  }
}

function isManifest(value: Partial<BackupManifest>): value is BackupManifest {
  const isCount = (it: unknown): boolean => Number.isSafeInteger(it) && (it as number) >= 0
  const isFile = (it: Partial<BackupFile> | null): boolean =>
    typeof it?.path === "string" && typeof it.name === "string" && isCount(it.bytes) && isCount(it.crc)
  return (
    isHex(value.databaseId) &&
    isHex(value.timeline) &&
    isCount(value.lsn) &&
    isCount(value.takenAtMs) &&
    Array.isArray(value.files) &&
    value.files.length > 0 &&
    value.files.every(isFile)
  )
}

const isHex = (value: unknown): boolean => typeof value === "string" && /^[0-9a-f]{32}$/.test(value)
