/**
 * Records lives of a real server on one directory, and cuts the power at every moment of them, in every way, as far as a budget goes.
 *
 * Invariants
 * - Every answer is held against the image without anything unsynced at its moment: that its bytes left before its covering sync returned shows
 *   in it, for then what the answer says is not on disk.
 * - The other images are looked at by lot, so many that the budget is used up by the end.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Random } from "../../src/Disk/Random.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { Difference, type Found, Journal } from "../Crash/Journal.ts"
import { ledgerDirectory, SMALL_LIMITS, TINY_LIMITS } from "../Crash/Small.ts"
import { asked, heard, Numbers, type WorkloadOptions } from "../Crash/Workload.ts"
import { bareImage, type Image, imagesOf, randomImage } from "./Images.ts"
import { judge } from "./Judge.ts"
import type { TraceEvent } from "./RecordingVolume.ts"
import { type RecordedLife, recordLife } from "./RecordedServer.ts"
import { Replay } from "./Replay.ts"

const WORKLOAD: WorkloadOptions = { clients: 8, entries: 4, registers: 1, textBytesMax: 60 * 1024 }
/** Lives of one directory: each begins with what a power cut at the end of the one before left. */
const LIVES = 2

/** What was done, for the summary. */
export interface TraceTally {
  lives: number
  events: number
  answers: number
  /** Images there were, and how many of them were opened. */
  images: number
  opened: number
}

export interface TraceOptions {
  readonly seed: number
  readonly module: Uint8Array
  readonly requests: number
  /** Images opened besides those without anything unsynced, in each life. */
  readonly imagesMax: number
}

/** A broken promise, with the moment in the trace. */
export class Violation extends Error {
  override readonly name = "Violation"
}

export async function runTraces(options: TraceOptions, tally: TraceTally): Promise<void> {
  const random = new Random(options.seed)
  const numbers = new Numbers()
  const data = mkdtempSync(join(tmpdir(), "planck-trace-"))
  const limits = random.chance(0.5) ? SMALL_LIMITS : TINY_LIMITS
  const journal = new Journal()
  let volume = emptyVolume(data)
  try {
    for (let life = 0; life < LIVES; life++) {
      const recorded = await recordLife({
        ...options,
        seed: random.next(),
        data,
        workload: WORKLOAD,
        numbers,
        versionOf: (id) => journal.issued(id),
        limits
      })
      const player = new Player(recorded, volume, ledgerDirectory(data), limits, journal, tally)
      await player.play(random, options.imagesMax)
      tally.lives++
      volume = randomImage(player.volume, random)
      journal.recovered(await player.look({ what: "a random image at the end", make: () => volume }))
      writeOut(volume, data)
    }
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

/** A disk on which there is nothing but the (synced) directory of all data. */
function emptyVolume(data: string): SimulatedVolume {
  const volume = new SimulatedVolume({ seed: 1 })
  volume.makeDirectory(data)
  for (let path = dirname(data); ; path = dirname(path)) {
    volume.syncDirectory(path, () => {})
    if (path === dirname(path)) break
  }
  volume.pumpAll()
  return volume
}

/** Makes the real directory what the image is. */
function writeOut(volume: SimulatedVolume, data: string): void {
  rmSync(data, { recursive: true, force: true })
  mkdirSync(data)
  for (const path of volume.paths()) {
    mkdirSync(dirname(`/${path}`), { recursive: true })
    writeFileSync(`/${path}`, volume.peek(path))
  }
}

/** One life, played again on a simulated disk. */
class Player {
  readonly #recorded: RecordedLife
  readonly #replay: Replay
  readonly #directory: string
  readonly #limits: typeof SMALL_LIMITS
  readonly #journal: Journal
  readonly #tally: TraceTally
  /** What `heard` has to be told of each request under way. */
  readonly #floors = new Map<string, number>()
  #position = 0
  /** What the image without anything unsynced holds now, once it was opened. */
  #bare: Found | undefined

  constructor(
    recorded: RecordedLife,
    volume: SimulatedVolume,
    directory: string,
    limits: typeof SMALL_LIMITS,
    journal: Journal,
    tally: TraceTally
  ) {
    this.#recorded = recorded
    this.#replay = new Replay(volume)
    this.#directory = directory
    this.#limits = limits
    this.#journal = journal
    this.#tally = tally
  }

  get volume(): SimulatedVolume {
    return this.#replay.volume
  }

  async play(random: Random, imagesMax: number): Promise<void> {
    const { events } = this.#recorded.trace
    let budget = imagesMax
    for (const [position, event] of events.entries()) {
      this.#position = position
      const changes = this.#replay.play(event)
      this.#tell(event)
      if (event.kind === "synced") this.#bare = undefined
      if (event.kind === "answer") await this.#lookAtBare()
      if (!changes && event.kind !== "answer") continue
      const images = imagesOf(this.volume, random)
      this.#tally.images += images.length
      // What is left of the budget is spread evenly over what is left of the trace.
      let due = budget / (events.length - position)
      due = Math.floor(due) + (random.chance(due - Math.floor(due)) ? 1 : 0)
      for (; due > 0 && images.length > 0; due--, budget--) await this.look(images[random.below(images.length)]!)
    }
    this.#tally.events += events.length
  }

  /** What is certainly on disk changes only when a sync returns: until then it is opened once, and compared for each answer. */
  async #lookAtBare(): Promise<void> {
    if (this.#bare === undefined) {
      this.#bare = await this.look(bareImage(this.volume))
      return
    }
    try {
      this.#journal.check(this.#bare)
    } catch (error) {
      throw this.#violation("nothing unsynced", error)
    }
  }

  /** Opens an image and compares; what is found in it. */
  async look({ make, what }: Image): Promise<Found> {
    this.#tally.opened++
    try {
      return await judge(make(), this.#directory, this.#limits, this.#journal)
    } catch (error) {
      throw this.#violation(what, error)
    }
  }

  /** Requests and answers change what is promised. */
  #tell(event: TraceEvent): void {
    if (event.kind !== "request" && event.kind !== "answer") return
    const ask = this.#recorded.asks.get(event.id)!
    if (event.kind === "request") {
      this.#floors.set(event.id, asked(this.#journal, ask))
      return
    }
    this.#tally.answers++
    try {
      heard(this.#journal, ask, this.#floors.get(event.id) ?? 0, event)
    } catch (error) {
      throw this.#violation("as it was answered", error)
    }
  }

  #violation(what: string, error: unknown): Error {
    if (!(error instanceof Difference)) return error as Error
    const event = this.#recorded.trace.events[this.#position]!
    const last = event.kind === "answer" ? `the answer to ${JSON.stringify(this.#recorded.asks.get(event.id))}` : event.kind
    return new Violation(`event ${this.#position} (${last}), ${what}: ${error.message}`)
  }
}
