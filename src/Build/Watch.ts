/**
 * Builds a folder whenever it changes.
 *
 * Invariants
 * - One build at a time; changes that come meanwhile lead to one more, never to a queue.
 * - A failed build is an event like any other: whoever serves keeps what it has.
 * - Types are checked beside, and only the newest check reports.
 */
import { type FSWatcher, watch } from "node:fs"
import { relative, sep } from "node:path"
import { Builder, type BuildOptions, type BuiltService } from "./Builder.ts"
import { issuesOf } from "./Failure.ts"
import { type BuildIssue, issueWithoutPlace } from "./Issue.ts"
import { NOTHING_FOUND } from "./Types.ts"

/** What a watch reports. `elapsedMs` is from the change to the event. */
export type WatchEvent =
  | { readonly _tag: "Built"; readonly service: BuiltService; readonly elapsedMs: number }
  | { readonly _tag: "Failed"; readonly issues: ReadonlyArray<BuildIssue>; readonly elapsedMs: number }
  /** The code of the last build was checked: no issues means that its types are right. */
  | {
      readonly _tag: "TypesChecked"
      readonly issues: ReadonlyArray<BuildIssue>
      readonly warnings: ReadonlyArray<BuildIssue>
      readonly elapsedMs: number
    }

export interface WatchOptions extends BuildOptions {
  /** How long a folder has to be quiet before it is built, in milliseconds. */
  readonly quietMs?: number
  /** Folders inside it whose changes mean nothing, as absolute paths: the data directory, for example. */
  readonly ignored?: ReadonlyArray<string>
}

/** An editor writes a file in several steps: this is longer than they take. */
const QUIET_MS = 15
const IGNORED = /(^|[\\/])(\.[^\\/]+|node_modules|dist)([\\/]|$)/

export interface Watch {
  close(): Promise<void>
}

/** Milliseconds of a clock that never goes back. */
export type Monotonic = () => number

/** Builds the folder, then again after every change, until closed. Rejects with a Fault `InvalidService` when there is no service in it. */
export async function watchFolder(
  folder: string,
  options: WatchOptions,
  now: Monotonic,
  report: (event: WatchEvent) => void
): Promise<Watch> {
  const builder = await Builder.open(folder, options)
  const root = builder.project.folder
  const loop = new BuildLoop(builder, options.quietMs ?? QUIET_MS, now, report)
  const ignored = (options.ignored ?? []).map((path) => relative(root, path))
  const concerns = (file: string): boolean => !IGNORED.test(file) && !ignored.some((path) => file === path || file.startsWith(path + sep))
  const watcher: FSWatcher = watch(root, { recursive: true }, (_event, file) => {
    if (file === null || concerns(file)) loop.change()
  })
  watcher.on("error", () => loop.change())
  await loop.build()
  return {
    close: async () => {
      watcher.close()
      await loop.close()
      await builder.close()
    }
  }
}

class BuildLoop {
  private readonly builder: Builder
  private readonly quietMs: number
  private readonly now: Monotonic
  private readonly report: (event: WatchEvent) => void
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined
  private checking: Promise<void> | undefined
  private changedAt: number | undefined
  private check: AbortController | undefined
  private closed = false

  constructor(builder: Builder, quietMs: number, now: Monotonic, report: (event: WatchEvent) => void) {
    this.builder = builder
    this.quietMs = quietMs
    this.now = now
    this.report = report
  }

  change(): void {
    if (this.closed) return
    this.changedAt ??= this.now()
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.build(), this.quietMs)
  }

  /** Builds now, or once more after the build that runs. */
  async build(): Promise<void> {
    if (this.running !== undefined) {
      await this.running
      if (this.changedAt !== undefined) this.change()
      return
    }
    const startedAt = this.changedAt ?? this.now()
    this.changedAt = undefined
    this.running = this.run(startedAt)
    await this.running
    this.running = undefined
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.timer)
    this.check?.abort()
    await this.running
    await this.checking
  }

  private async run(startedAt: number): Promise<void> {
    this.check?.abort()
    const elapsedMs = (): number => this.now() - startedAt
    try {
      const service = await this.builder.build()
      if (this.closed) return
      this.report({ _tag: "Built", service, elapsedMs: elapsedMs() })
      this.checkTypes(startedAt)
    } catch (error) {
      if (!this.closed) this.report({ _tag: "Failed", issues: issuesOf(error) ?? [unexpected(error)], elapsedMs: elapsedMs() })
    }
  }

  private checkTypes(startedAt: number): void {
    const check = new AbortController()
    this.check = check
    this.checking = this.builder
      .checkTypes(check.signal)
      .catch((error: unknown) => ({ ...NOTHING_FOUND, issues: [unexpected(error)] }))
      .then(({ issues, warnings }) => {
        if (!check.signal.aborted && !this.closed)
          this.report({ _tag: "TypesChecked", issues, warnings, elapsedMs: this.now() - startedAt })
      })
  }
}

/** What is no mistake of the author, such as a folder that vanished while it was read: a watch says it and goes on. */
function unexpected(error: unknown): BuildIssue {
  return issueWithoutPlace("project", "planck", error instanceof Error ? error.message : String(error))
}
