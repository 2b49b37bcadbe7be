/** A line on the terminal that says how far a long work is. Where standard error is no terminal, or with `--json`, it says nothing. */
import * as Effect from "effect/Effect"
import type { WorkPosition } from "../Storage/Work.ts"
import type { Output } from "./Output.ts"
import { sized } from "./Words.ts"

const BAR_WIDTH = 24
/** The line is written again at most this often. */
const REDRAW_INTERVAL_MS = 100

/** What the line says. `[#####---]  42 %  1.0 MiB of 2.4 MiB  12.0 MiB/s`. */
export function progressLine(what: string, { doneBytes, totalBytes }: WorkPosition, elapsedMs: number): string {
  const share = totalBytes === 0 ? 0 : Math.min(1, doneBytes / totalBytes)
  const filled = Math.round(share * BAR_WIDTH)
  const bar = "#".repeat(filled) + "-".repeat(BAR_WIDTH - filled)
  const rate = elapsedMs > 0 ? `  ${sized(Math.round((doneBytes * 1000) / elapsedMs))}/s` : ""
  const percent = String(Math.floor(share * 100)).padStart(3)
  return `${what} [${bar}] ${percent} %  ${sized(doneBytes)} of ${sized(totalBytes)}${rate}`
}

/** Runs a work that is given something to tell its progress to; the line is gone when it is over. */
export const withProgress = <A, E, R>(
  what: string,
  output: Output,
  run: (onProgress: (position: WorkPosition) => void) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    if (output.json || process.stderr.isTTY !== true) return run(() => {})
    const startedAtMs = performance.now()
    let drawnAtMs = 0
    const draw = (position: WorkPosition): void => {
      const nowMs = performance.now()
      if (nowMs - drawnAtMs < REDRAW_INTERVAL_MS) return
      drawnAtMs = nowMs
      process.stderr.write(`\r\u001b[K${progressLine(what, position, nowMs - startedAtMs)}`)
    }
    return Effect.ensuring(
      run(draw),
      Effect.sync(() => void process.stderr.write("\r\u001b[K"))
    )
  })
