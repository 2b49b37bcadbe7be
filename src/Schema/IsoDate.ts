/**
 * Dates as people send them: the part of ISO 8601 that leaves no doubt about the moment. Read character by character: every date of
 * every JSON body passes here.
 */

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * Milliseconds since 1970 of `2026-01-31` (midnight UTC) or `2026-01-31T12:00[:00[.000]]` followed by `Z` or an offset;
 * undefined for anything else, also for a day that no calendar has and for a time without zone. Digits beyond milliseconds are cut.
 */
export function parseIsoDate(text: string): number | undefined {
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return undefined
  const day = dayNumber(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2))
  if (text.length === 10 || day < 0) return day < 0 ? undefined : (day - DAYS_TO_1970) * DAY_MS
  if (text.charCodeAt(10) !== 0x54 || text.charCodeAt(13) !== COLON) return undefined
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  let at = 16
  let milliseconds = 0
  if (text.charCodeAt(at) === COLON) {
    const second = digits(text, at + 1, 2)
    if (second < 0 || second > 59) return undefined
    milliseconds = second * 1000
    at += 3
    if (text.charCodeAt(at) === POINT) {
      const end = digitsEnd(text, at + 1)
      if (end === at + 1 || end > at + 10) return undefined
      milliseconds += fractionMs(text, at + 1, end)
      at = end
    }
  }
  const zone = zoneMinutes(text, at)
  if (zone === undefined || hour < 0 || hour > 23 || minute < 0 || minute > 59) return undefined
  return (day - DAYS_TO_1970) * DAY_MS + (hour * 60 + minute - zone) * MINUTE_MS + milliseconds
}

const DASH = 0x2d
const COLON = 0x3a
const POINT = 0x2e
/** Days from 0000-01-01 to 1970-01-01. */
const DAYS_TO_1970 = 719_528

/** The number that `count` digits at `at` stand for, -1 when one of them is none. */
function digits(text: string, at: number, count: number): number {
  let value = 0
  for (let index = at; index < at + count; index++) {
    const digit = text.charCodeAt(index) - 0x30
    if (!(digit >= 0 && digit <= 9)) return -1
    value = value * 10 + digit
  }
  return value
}

function digitsEnd(text: string, at: number): number {
  while (digits(text, at, 1) >= 0) at++
  return at
}

function fractionMs(text: string, at: number, end: number): number {
  const kept = Math.min(end - at, 3)
  return digits(text, at, kept) * 10 ** (3 - kept)
}

/** Days since 0000-01-01, -1 when there is no such day. */
function dayNumber(year: number, month: number, day: number): number {
  if (year < 0 || month < 1 || month > 12 || day < 1) return -1
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  if (day > monthLengths[month - 1]! + (isLeap && month === 2 ? 1 : 0)) return -1
  let days = year * 365 + leapDaysBefore(year) + day - 1
  for (let index = 0; index < month - 1; index++) days += monthLengths[index]!
  return isLeap && month > 2 ? days + 1 : days
}

/** Leap days of the years 0 to `year - 1`; the year 0 is one. */
function leapDaysBefore(year: number): number {
  const last = year - 1
  return year === 0 ? 0 : Math.floor(last / 4) - Math.floor(last / 100) + Math.floor(last / 400) + 1
}

/** Minutes that `Z` or `±hh:mm`, up to the end of the text, is ahead of UTC. */
function zoneMinutes(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at)
  if (sign === 0x5a && text.length === at + 1) return 0
  if ((sign !== DASH && sign !== 0x2b) || text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON) return undefined
  const hours = digits(text, at + 1, 2)
  const minutes = digits(text, at + 4, 2)
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined
  return (hours * 60 + minutes) * (sign === DASH ? -1 : 1)
}
