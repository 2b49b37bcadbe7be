/** What guests say: their log lines, and why a call failed, passed on as structured lines through a port. */
import { decode, type Value } from "../Bson/Value.ts"
import { LOG_LEVELS } from "./Abi.ts"

/** How urgent a line is. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** One line, ready to be printed as text or JSON. `fields` holds plain data. */
export interface LogLine {
  readonly level: LogLevel
  readonly service: string
  readonly handler: string
  readonly requestId: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Takes the lines. It must not throw and must not call back into the service. */
export type LogPort = (line: LogLine) => void

/** The log of one service: knows who is speaking, and how much it may say in one call. */
export class GuestLog {
  private readonly port: LogPort
  private readonly service: string
  private readonly linesMax: number
  private readonly redact: (text: string) => string
  private handler = ""
  private requestId = ""
  private lines = 0
  private dropped = 0

  constructor(port: LogPort, service: string, linesMax: number, redact: (text: string) => string) {
    this.port = port
    this.service = service
    this.linesMax = linesMax
    this.redact = redact
  }

  /** Starts a call: the lines that follow belong to it. */
  begin(handler: string, requestId: string): void {
    this.handler = handler
    this.requestId = requestId
    this.lines = 0
    this.dropped = 0
  }

  /** Ends a call; says so when lines were dropped. */
  end(): void {
    if (this.dropped === 0) return
    const dropped = this.dropped
    this.dropped = 0
    this.write("warning", `${dropped} log lines of this call were dropped`, { dropped, linesMax: this.linesMax })
  }

  /** A guest's line: the (validated) document `{ message, …fields }`. */
  document(level: number, bytes: Uint8Array, at: number): void {
    if (++this.lines > this.linesMax) return this.drop()
    const { message, ...fields } = decode(bytes, at)
    this.write(LOG_LEVELS[level] ?? "info", typeof message === "string" ? message : "", fields)
  }

  /** A guest's line of plain text, as a C library prints it. */
  text(level: LogLevel, message: string): void {
    if (++this.lines > this.linesMax) return this.drop()
    this.write(level, message, {})
  }

  /** Counts a line that is not passed on. */
  drop(): void {
    this.dropped++
  }

  /** A line of the host about this call. */
  write(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.port({
      level,
      service: this.service,
      handler: this.handler,
      requestId: this.requestId,
      message: this.redact(message),
      fields: this.redactFields(fields, 0) as Record<string, unknown>
    })
  }

  private redactFields(value: unknown, depth: number): unknown {
    if (typeof value === "string") return this.redact(value)
    if (typeof value !== "object" || value === null || depth > REDACT_DEPTH_MAX) return value
    if (Array.isArray(value)) return value.map((item) => this.redactFields(item, depth + 1))
    if (Object.getPrototypeOf(value) !== Object.prototype) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.redactFields(item as Value, depth + 1)]))
  }
}

/** How deep the fields of a line are searched for secrets. */
const REDACT_DEPTH_MAX = 8
