/** `1 store`, `2 stores`, `1 entry`, `2 entries`, `2 keys`. */
export const counted = (count: number, noun: string): string => {
  if (count === 1) return `${count} ${noun}`
  return `${count} ${/[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`}`
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const

/** A number of bytes as a person reads it: `612 bytes`, `1.5 MiB`. */
export const sized = (bytes: number): string => {
  let unit = 0
  let count = bytes
  while (count >= 1024 && unit < UNITS.length - 1) {
    count /= 1024
    unit++
  }
  return `${unit === 0 ? count : count.toFixed(1)} ${UNITS[unit]}`
}
