/** Dates as people send them: the part of ISO 8601 that leaves no doubt about the moment. */

const FORM = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2}))?$/

/**
 * Milliseconds since 1970 of `2026-01-31` (midnight UTC) or `2026-01-31T12:00[:00[.000]]` followed by `Z` or an offset;
 * undefined for anything else, also for a day that no calendar has and for a time without zone.
 */
export function parseIsoDate(text: string): number | undefined {
  const match = FORM.exec(text)
  if (match === null) return undefined
  const part = (index: number): number => Number(match[index] ?? 0)
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined
  const milliseconds = Math.floor(Number(`0.${match[7] ?? "0"}`) * 1000 + 1e-6)
  // Date.UTC takes years below 100 as 19xx; setUTCFullYear does not.
  const date = new Date(Date.UTC(2000, 0, 1, hour, minute, second, milliseconds))
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCDate() !== day) return undefined
  return date.getTime() - offsetMs(match[8] ?? "Z")
}

function offsetMs(zone: string): number {
  if (zone === "Z") return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))
  return (zone.startsWith("-") ? -minutes : minutes) * 60_000
}
