import type { Random } from "./Random.ts"
import type { Fate } from "./SimulatedContent.ts"
import { EVERYTHING, NOTHING } from "./SimulatedContent.ts"

/**
 * How unsynced changes fare in a crash. One style is drawn for the whole machine or anew for every file, so that a run of seeds meets
 * both the plain cases (all lost, all there) and the mixed ones in which one file is ahead of another.
 */

const STYLES = ["nothing", "everything", "sectors", "prefix", "suffix"] as const
type Style = (typeof STYLES)[number]

/** The source of fates for one crash. */
export function crashFates(random: Random): () => Fate {
  const shared = random.chance(0.5) ? STYLES[random.below(STYLES.length)]! : undefined
  return () => fateOf(shared ?? STYLES[random.below(STYLES.length)]!, random)
}

function fateOf(style: Style, random: Random): Fate {
  switch (style) {
    case "nothing":
      return () => NOTHING
    case "everything":
      return () => EVERYTHING
    case "sectors": {
      const probability = [0.1, 0.5, 0.9][random.below(3)]!
      const survival = { sector: () => random.chance(probability), length: () => random.chance(0.5) }
      return () => survival
    }
    case "prefix":
      return cutAt(random, (index, cut) => index < cut)
    case "suffix":
      return cutAt(random, (index, cut) => index > cut)
  }
}

/** Changes on one side of a cut survive, the one at the cut is torn after some of its sectors. */
function cutAt(random: Random, survives: (index: number, cut: number) => boolean): Fate {
  const position = random.next() / 0x1_0000_0000
  return (index, count) => {
    const cut = Math.floor(position * count)
    if (index !== cut) return survives(index, cut) ? EVERYTHING : NOTHING
    let left = random.below(8)
    return { sector: () => left-- > 0, length: () => random.chance(0.5) }
  }
}
