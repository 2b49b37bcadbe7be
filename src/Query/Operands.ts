/**
 * The values of one run: for each slot of a plan where its value lies.
 *
 * A text that stands where the schema has a key, a UUID or an ObjectId is read as one when it has that form, since texts are what
 * paths of requests and other languages hand over. Any other value is left as it is and compares as what it is.
 */
import { parseKeyInto } from "../Bson/Key.ts"
import * as Type from "../Bson/Type.ts"
import { documentEnd, firstElement, readString, skipValue, valueOffset } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import type { Field } from "../Schema/Definition.ts"
import { KEY_BYTES } from "../Storage/Reader.ts"
import type { Shape } from "./Shape.ts"

/** What texts in a slot stand for. */
export type Reading = "key" | "uuid" | "objectId" | undefined

/** What texts compared with a field stand for. */
export function readingOf(field: Field | undefined): Reading {
  const item = field?.type === "array" ? field.items : field
  return item?.type === "key" || item?.type === "uuid" || item?.type === "objectId" ? item.type : undefined
}

const OBJECT_ID_TEXT = /^[0-9a-fA-F]{24}$/
const EMPTY = new Uint8Array(0)
const keyScratch = new Uint8Array(KEY_BYTES)

export class Operands {
  readonly #bytes: Array<Uint8Array> = []
  readonly #types: Array<number> = []
  readonly #places: Array<number> = []
  /** Holds values that were read as something else. */
  readonly #writer = new Writer(256)

  /** Takes the values of a scanned statement. */
  load(shape: Shape, bytes: Uint8Array, readings: ReadonlyArray<Reading>): void {
    const { slotPlaces, slots, slotTypes } = shape
    this.#writer.reset()
    for (let slot = 0; slot < slots; slot++) {
      this.#bytes[slot] = bytes
      this.#types[slot] = slotTypes[slot]!
      this.#places[slot] = slotPlaces[slot]!
      const reading = readings[slot]
      if (reading !== undefined) this.#read(slot, reading)
    }
  }

  /** Lets go of the statement's bytes. */
  clear(): void {
    for (let slot = 0; slot < this.#bytes.length; slot++) this.#bytes[slot] = EMPTY
  }

  bytes(slot: number): Uint8Array {
    return this.#bytes[slot]!
  }

  type(slot: number): number {
    return this.#types[slot]!
  }

  at(slot: number): number {
    return this.#places[slot]!
  }

  #read(slot: number, reading: NonNullable<Reading>): void {
    const type = this.#types[slot]!
    if (type !== Type.STRING && type !== Type.ARRAY) return
    const bytes = this.#bytes[slot]!
    const start = this.#writer.length
    const element = this.#writer.beginDocument()
    const written = this.#write("", bytes, type, this.#places[slot]!, reading)
    this.#writer.endDocument(element)
    // The writer may have grown: earlier slots keep the array they were written to, which nobody overwrites.
    this.#bytes[slot] = this.#writer.bytes
    this.#types[slot] = written
    this.#places[slot] = start + 6
  }

  /** Writes the value as an element and returns its type. */
  #write(name: string, bytes: Uint8Array, type: number, at: number, reading: NonNullable<Reading>): number {
    const writer = this.#writer
    if (type === Type.STRING) {
      const text = readString(bytes, at)
      if (reading === "objectId" && OBJECT_ID_TEXT.test(text)) {
        writer.name(Type.OBJECT_ID, name)
        writer.objectId(Buffer.from(text, "hex"), 0)
        return Type.OBJECT_ID
      }
      if (reading !== "objectId" && parseKeyInto(text, keyScratch, 0)) {
        writer.name(Type.BINARY, name)
        writer.binary(keyScratch, reading === "key" ? Type.KEY_SUBTYPE : Type.UUID_SUBTYPE)
        return Type.BINARY
      }
    }
    writer.name(type, name)
    if (type === Type.ARRAY) this.#writeList(bytes, at, reading)
    else writer.raw(bytes, at, skipValue(bytes, type, at) - at)
    return type
  }

  #writeList(bytes: Uint8Array, at: number, reading: NonNullable<Reading>): void {
    const start = this.#writer.beginDocument()
    const end = documentEnd(bytes, at)
    let index = 0
    for (let element = firstElement(at); element < end;) {
      const valueAt = valueOffset(bytes, element)
      const type = bytes[element]!
      if (type === Type.STRING) this.#write(String(index), bytes, type, valueAt, reading)
      else {
        this.#writer.index(type, index)
        this.#writer.raw(bytes, valueAt, skipValue(bytes, type, valueAt) - valueAt)
      }
      index++
      element = skipValue(bytes, type, valueAt)
    }
    this.#writer.endDocument(start)
  }
}
