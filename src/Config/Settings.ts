/**
 * Every setting of the process, in one table: key, default, unit, bounds. `docs/configuration.md` is generated from it.
 *
 * The key of a setting is its path here (`http.port`); the environment variable is the same in capitals (`PLANCK_HTTP_PORT`).
 */
import { pageCacheBytesDefault, placeCacheBytesDefault, textCacheBytesDefault, valueCacheBytesDefault } from "./Memory.ts"
import type { Setting } from "./Setting.ts"
import { bytes, choice, duration, integer, text } from "./Setting.ts"

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

export const settings = {
  dir: text("Directory of the data, relative to planck.yaml", { default: "data" }),
  log: {
    level: choice("The least level that is logged", { default: "info", of: ["debug", "info", "warn", "error"] })
  },
  http: {
    host: text("Address to listen on", { default: "127.0.0.1" }),
    port: integer("Port to listen on; 0 takes a free one", { default: 3000, min: 0, max: 65_535 }),
    bodyBytesMax: bytes("Largest request body", { default: MIB, min: KIB, max: 64 * MIB }),
    headerBytesMax: bytes("Largest request header section", { default: 16 * KIB, min: KIB, max: MIB }),
    targetBytesMax: bytes("Longest request target (path and query)", { default: 8 * KIB, min: 256, max: 64 * KIB }),
    headerTimeoutMs: duration("Time a client has to send its headers", { default: 10_000, min: 100, max: 600_000 }),
    bodyTimeoutMs: duration("Time a client has to send its body", { default: 30_000, min: 100, max: 3_600_000 }),
    keepAliveTimeoutMs: duration("Time an idle connection is kept", { default: 5_000, min: 0, max: 600_000 }),
    connectionsMax: integer("Connections at once; more are refused", { default: 10_000, min: 1, max: 1_000_000 }),
    requestsInFlightMax: integer("Requests at once; more are answered 503", { default: 4_096, min: 1, max: 1_000_000 }),
    answersHeldMax: integer("Answers held to be sent together, within one turn of the event loop; 1 sends each at once", {
      default: 64,
      min: 1,
      max: 4_096
    }),
    drainTimeoutMs: duration("Time that requests under way get at shutdown", { default: 10_000, min: 0, max: 600_000 })
  },
  guest: {
    deadlineMs: duration("Time one handler call may take", { default: 50, min: 1, max: 60_000 }),
    memoryBytesMax: bytes("Memory of one instance", { default: 64 * MIB, min: 4 * MIB, max: 2 * GIB }),
    answerCacheBytesMax: bytes("Memory for answers kept until what they rest on changes; 0 keeps none", {
      default: 64 * MIB,
      min: 0,
      max: 64 * GIB
    })
  },
  query: {
    scannedDocumentsMax: integer("Documents one statement may read", { default: 1_000_000, min: 1, max: 1_000_000_000 }),
    slowMs: duration("Time beyond which a statement is noted as slow", { default: 100, min: 0, max: 3_600_000 }),
    elapsedMsMax: duration("Time one statement may take", { default: 10_000, min: 1, max: 3_600_000 }),
    answerBytesMax: bytes("Largest answer a statement may give", { default: 16 * MIB, min: KIB, max: 256 * MIB }),
    textCacheBytesMax: bytes("Memory for the JSON of documents that are written out again and again, of all services together", {
      default: textCacheBytesDefault(),
      defaultText: "a 64th of the memory of the machine or container, at least 67108864",
      min: 0,
      max: 64 * GIB
    })
  },
  storage: {
    durability: choice("What answers wait for that rest on stores which do not say so themselves: the disk, or nothing", {
      default: "fsync",
      of: ["fsync", "interval", "memory"]
    }),
    syncIntervalMs: duration("Time within which a sync is asked for after a write to a store of level interval", {
      default: 100,
      min: 1,
      max: 60_000
    }),
    memtableBytesMax: bytes("Memory of a memtable before it is flushed; those of all services together take at most three times as much", {
      default: 32 * MIB,
      min: MIB,
      max: 2 * GIB
    }),
    pageCacheBytesMax: bytes("Memory for index pages, of all services together", {
      default: pageCacheBytesDefault(),
      defaultText: "a 32nd of the memory of the machine or container, at least 134217728",
      min: MIB,
      max: 64 * GIB
    }),
    valueCacheBytesMax: bytes("Memory for documents read from disk, of all services together", {
      default: valueCacheBytesDefault(),
      defaultText: "an eighth of the memory of the machine or container, at least 268435456",
      min: MIB,
      max: 64 * GIB
    }),
    placeCacheBytesMax: bytes("Memory to find documents that were read before without going through the index, of all services together", {
      default: placeCacheBytesDefault(),
      defaultText: "a 256th of the memory of the machine or container, at least 33554432",
      min: 0,
      max: 2 * GIB
    }),
    compactionDeadPercentMax: integer("Lost space, in percent of all documents' files, at which it is given back", {
      default: 8,
      min: 1,
      max: 90
    }),
    compactionUrgentPercentMax: integer("Lost space, in percent of all documents' files, at which writers wait until it is given back", {
      default: 11,
      min: 2,
      max: 95
    }),
    reserveBytes: bytes("File that keeps room on the disk, so that space can be given back when it is full; 0 keeps none", {
      default: 16 * MIB,
      min: 0,
      max: GIB
    }),
    logHoldBytesMax: bytes("Log kept for one that reads it behind (an archive, a replica), beyond which it is no longer", {
      default: GIB,
      min: 16 * MIB,
      max: 1024 * GIB
    }),
    logHoldAgeMsMax: duration("Time after which the log is kept no longer for one that has not moved on", {
      default: 24 * 3_600_000,
      min: 1000,
      max: 365 * 24 * 3_600_000
    }),
    snapshotTimeoutMs: duration("Time a short snapshot lives", { default: 5_000, min: 100, max: 600_000 })
  }
} as const

type Values<T> = T extends Setting<infer A> ? A : { readonly [K in keyof T]: Values<T[K]> }

/** The settings with their values: sizes in bytes, times in milliseconds. */
export type Settings = Values<typeof settings>

/** A setting with its key (`http.port`) and environment variable (`PLANCK_HTTP_PORT`). */
export interface NamedSetting {
  readonly key: string
  readonly variable: string
  readonly setting: Setting<unknown>
}

/** Every setting, in the order of the table. */
export const namedSettings: ReadonlyArray<NamedSetting> = flatten(settings, "")

function flatten(group: object, prefix: string): ReadonlyArray<NamedSetting> {
  return Object.entries(group).flatMap(([name, value]: [string, Setting<unknown> | object]) => {
    const key = prefix + name
    return "kind" in value ? [{ key, variable: variableOf(key), setting: value }] : flatten(value, `${key}.`)
  })
}

/** `http.bodyBytesMax` → `PLANCK_HTTP_BODY_BYTES_MAX`. */
export function variableOf(key: string): string {
  const snake = key.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/[.-]/g, "_")
  return `PLANCK_${snake.toUpperCase()}`
}
