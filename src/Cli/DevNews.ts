/**
 * What `planck dev` tells the pages: which builds are live, and what is wrong with newer ones.
 *
 * Invariant: the same builds give the same text, so that a page is not loaded again because a file was written without a change.
 */
import { createHash } from "node:crypto"
import type { BuildNews } from "../Http/LivePages.ts"
import type { Mistake } from "./Failure.ts"
import { formatMistake } from "./Output.ts"

const BUILD_DIGITS = 16

interface Wrong {
  readonly title: string
  readonly mistakes: ReadonlyArray<Mistake>
}

export class DevNews {
  private readonly builds = new Map<string, string>()
  private readonly wrong = new Map<string, Wrong>()

  /** A module of a source is live, and with it the source is well until something else is said. */
  live(source: string, file: Uint8Array): void {
    this.builds.set(source, createHash("sha256").update(file).digest("hex"))
    this.wrong.delete(source)
  }

  failed(source: string, title: string, mistakes: ReadonlyArray<Mistake>): void {
    this.wrong.set(source, { title, mistakes })
  }

  /** How it stands with all sources. */
  now(): BuildNews {
    const builds = [...this.builds].toSorted(([left], [right]) => (left < right ? -1 : 1)).flat()
    const wrong = [...this.wrong.values()]
    return {
      build: builds.length === 0 ? "" : createHash("sha256").update(builds.join(" ")).digest("hex").slice(0, BUILD_DIGITS),
      title: [...new Set(wrong.map(({ title }) => title))].join("; "),
      mistakes: wrong.flatMap(({ mistakes }) => mistakes.map(formatMistake))
    }
  }
}
