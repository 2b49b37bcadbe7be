/** Guests written by hand: small modules that do one thing, mostly a bad one. */
import binaryen from "binaryen"
import type { Manifest } from "../../src/Wasm/Manifest.ts"

/** Imports of module `planck`, as text. */
export const IMPORTS = `
  (import "planck" "call" (func $call (param i32 i32 i32) (result i32)))
  (import "planck" "read" (func $read (param i32)))
  (import "planck" "fail" (func $fail (param i32 i32)))
  (import "planck" "log" (func $log (param i32 i32 i32)))
  (import "planck" "now" (func $now (result f64)))
  (import "planck" "random" (func $random (param i32 i32)))
  (import "planck" "tick" (func $tick (result i32)))`

/** Where `planck_alloc` puts the request, and where data given to `guest` lies. */
export const REQUEST_AT = 32768
export const DATA_AT = 1024

/** A manifest with one GET and one POST route of the handler `main`, overridden by `part`. */
export function manifest(part: Partial<Manifest> = {}): Manifest {
  return {
    abi: 1,
    name: "fixture",
    version: "1.0.0",
    language: "typescript",
    stores: [],
    routes: [
      { method: "GET", pattern: "/", handler: "main", writes: false },
      { method: "POST", pattern: "/", handler: "main", writes: true }
    ],
    handlers: [{ name: "main", export: "main", kind: "http" }],
    config: {},
    limits: {},
    capabilities: [],
    ...part
  }
}

/** The parts of a hand-written guest. */
export interface GuestParts {
  /** Body of `main (param $request i32) (result i32)`. */
  readonly main?: string
  /** Further definitions: functions, globals. */
  readonly more?: string
  /** Bytes that lie at `DATA_AT`. */
  readonly data?: Uint8Array
  /** The memory's declaration without its name. */
  readonly memory?: string
  readonly imports?: string
  /** Replaces `planck_alloc`. */
  readonly alloc?: string
}

/** Assembles a guest (without manifest). */
export function assemble(parts: GuestParts = {}): Uint8Array {
  const data = [...(parts.data ?? [])].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("")
  return assembleText(`(module
    ${parts.imports ?? IMPORTS}
    (memory $memory ${parts.memory ?? "1 16"})
    (export "memory" (memory $memory))
    (data (i32.const ${DATA_AT}) "${data}")
    ${parts.more ?? ""}
    ${parts.alloc ?? `(func (export "planck_alloc") (param i32) (result i32) (i32.const ${REQUEST_AT}))`}
    (func (export "main") (param $request i32) (result i32) ${parts.main ?? `(i32.const ${DATA_AT})`}))`)
}

/** Assembles any text. */
export function assembleText(text: string): Uint8Array {
  const module = binaryen.parseText(text)
  try {
    const { MVP, MutableGlobals, Atomics, BulkMemory, ReferenceTypes } = binaryen.Features
    module.setFeatures(MVP | MutableGlobals | Atomics | BulkMemory | ReferenceTypes)
    return module.emitBinary()
  } finally {
    module.dispose()
  }
}

/** The module with a custom section appended. */
export function withSection(bytes: Uint8Array, name: string, payload: Uint8Array): Uint8Array {
  const encoded = new TextEncoder().encode(name)
  const size = unsigned(unsigned(encoded.length).length + encoded.length + payload.length)
  return Uint8Array.from([...bytes, 0, ...size, ...unsigned(encoded.length), ...encoded, ...payload])
}

/** A whole service: a guest with a manifest. */
export function guest(parts: GuestParts = {}, described: unknown = manifest()): Uint8Array {
  return withSection(assemble(parts), "planck.manifest", new TextEncoder().encode(JSON.stringify(described)))
}

function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest & 0x7f
    rest >>>= 7
    bytes.push(rest === 0 ? low : low | 0x80)
  } while (rest !== 0)
  return bytes
}
