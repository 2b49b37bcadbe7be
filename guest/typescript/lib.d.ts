/**
 * The globals of a service besides JavaScript's own (ES2024): no DOM, no Node. Whatever is missing here does not exist in a service.
 */

/** Writes to the log of the service. */
declare const console: {
  log(...values: unknown[]): void
  info(...values: unknown[]): void
  debug(...values: unknown[]): void
  warn(...values: unknown[]): void
  error(...values: unknown[]): void
}

/** Text to UTF-8. */
declare class TextEncoder {
  readonly encoding: "utf-8"
  encode(text?: string): Uint8Array
}

/** UTF-8 to text; what is malformed becomes U+FFFD. */
declare class TextDecoder {
  constructor(label?: "utf-8" | "utf8")
  readonly encoding: "utf-8"
  decode(bytes?: Uint8Array | ArrayBuffer): string
}

/** Randomness from the host. Not at the top level, which runs when the service is built. */
declare const crypto: {
  getRandomValues<Bytes extends Uint8Array>(into: Bytes): Bytes
  randomUUID(): string
}

declare function structuredClone<Value>(value: Value): Value
declare function queueMicrotask(callback: () => void): void
declare function atob(base64: string): string
declare function btoa(binary: string): string
