/**
 * What a power cut may leave of the unsynced changes of a disk: nothing, everything, everything but one, one alone, one torn at 512 bytes, and
 * random subsets of their sectors.
 */
import { crashFates } from "../../src/Disk/Crash.ts"
import type { Random } from "../../src/Disk/Random.ts"
import { EVERYTHING, type Fate, NOTHING, type Survival } from "../../src/Disk/SimulatedContent.ts"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"

/** Unsynced changes of one moment that are left out, kept alone or torn, one at a time: if there are more, so many of them by lot. */
export const SINGLES_MAX = 8
/** Random subsets at one moment. */
export const SUBSETS = 4
/** A torn change keeps fewer than so many of its first sectors. */
const TORN_SECTORS_MAX = 16

/** A disk after a power cut, and how it got to be so. */
export interface Image {
  readonly what: string
  readonly make: () => SimulatedVolume
}

/** Decides the fate of every change by its number in the order in which the volume asks. */
function numbered(survivalOf: (number: number) => Survival): () => Fate {
  let next = 0
  return () => () => survivalOf(next++)
}

/** Unsynced changes of files and directories that a power cut now would decide about. */
export function countChanges(volume: SimulatedVolume): number {
  let count = 0
  volume.crashBy(() => () => {
    count++
    return EVERYTHING
  })
  return count
}

/** Everything that was not synced is gone. */
export const bareImage = (volume: SimulatedVolume): Image => ({ what: "nothing unsynced", make: () => volume.durable() })

/** The images of one moment, without `bareImage`. Each is made when it is asked for, from the volume as it is then. */
export function imagesOf(volume: SimulatedVolume, random: Random): ReadonlyArray<Image> {
  const count = countChanges(volume)
  if (count === 0) return []
  const image = (what: string, fates: () => () => Fate): Image => ({ what, make: () => volume.crashBy(fates()) })
  const images = [image("everything", () => () => () => EVERYTHING)]
  for (const chosen of someOf(count, random)) {
    const sectors = random.below(TORN_SECTORS_MAX)
    if (count > 1) {
      images.push(
        image(`everything but change ${chosen} of ${count}`, () => numbered((number) => (number === chosen ? NOTHING : EVERYTHING)))
      )
      images.push(image(`change ${chosen} of ${count} alone`, () => numbered((number) => (number === chosen ? EVERYTHING : NOTHING))))
    }
    images.push(image(`change ${chosen} of ${count} torn after ${sectors} sectors`, () => tearing(chosen, sectors)))
  }
  for (let subset = 0; subset < SUBSETS; subset++) {
    const seed = random.next()
    images.push({ what: `random subset ${seed}`, make: () => volume.crash(seed) })
  }
  return images
}

/** All changes before `chosen`, and the first sectors of it. */
function tearing(chosen: number, sectors: number): () => Fate {
  let left = sectors
  const torn: Survival = { sector: () => left-- > 0, length: () => true }
  return numbered((number) => (number < chosen ? EVERYTHING : number > chosen ? NOTHING : torn))
}

function someOf(count: number, random: Random): ReadonlyArray<number> {
  const all = Array.from({ length: count }, (_, number) => number)
  while (all.length > SINGLES_MAX) all.splice(random.below(all.length), 1)
  return all
}

/** Random fates, as the simulation draws them. */
export const randomImage = (volume: SimulatedVolume, random: Random): SimulatedVolume => volume.crashBy(crashFates(random))
