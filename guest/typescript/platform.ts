/**
 * The platform functions a service has besides JavaScript's own: console, TextEncoder and TextDecoder, crypto, structuredClone. Their
 * types stand in lib.d.ts; what is not there does not exist.
 */
import { clone } from "./clone.ts"
import { inspect } from "./inspect.ts"
import { inEngine, native } from "./native.ts"

const Level = { debug: 0, info: 1, warning: 2, error: 3 } as const
const RANDOM_BYTES_MAX = 65536

function logger(level: number): (...values: unknown[]) => void {
  return (...values) =>
    native.log(level, { message: values.map((value) => (typeof value === "string" ? value : inspect(value))).join(" ") })
}

const console = {
  log: logger(Level.info),
  info: logger(Level.info),
  debug: logger(Level.debug),
  warn: logger(Level.warning),
  error: logger(Level.error)
}

class TextEncoder {
  readonly encoding = "utf-8"

  encode(text = ""): Uint8Array {
    return native.encodeText(String(text))
  }
}

class TextDecoder {
  readonly encoding = "utf-8"

  constructor(label = "utf-8") {
    if (!/^utf-?8$/i.test(label)) throw new RangeError(`the encoding ${label} is not known, only utf-8`)
  }

  decode(bytes: Uint8Array | ArrayBuffer = new Uint8Array(0)): string {
    const text = native.decodeText(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes))
    return text.startsWith("\ufeff") ? text.slice(1) : text
  }
}

const crypto = {
  getRandomValues<Bytes extends Uint8Array>(into: Bytes): Bytes {
    if (into.length > RANDOM_BYTES_MAX) throw new RangeError(`at most ${RANDOM_BYTES_MAX} random bytes at once`)
    native.random(into)
    return into
  },

  randomUUID(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(16))
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
    const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
    return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join("-")
  }
}

/** Engine globals that other runtimes know with another meaning, or that a service has no use for. */
const REMOVED = ["performance", "Atomics", "SharedArrayBuffer", "WeakRef", "FinalizationRegistry", "gc", "navigator"]

function install(): void {
  for (const [name, value] of Object.entries({ console, TextEncoder, TextDecoder, crypto, structuredClone: clone })) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
  for (const name of REMOVED) Reflect.deleteProperty(globalThis, name)
}

/** Outside the engine (a test of the SDK, an editor) the globals are those of the place. */
if (inEngine) install()
