/** Key, Uuid and ObjectId: identifiers that documents hold as bytes and people see as text. */
import { Kind, native, type NativeValue } from "./native.ts"

declare const storeName: unique symbol

/** What the three have in common. Compare with `equals`, never with `===`: two objects may hold the same bytes. */
abstract class Identifier implements NativeValue {
  /** Whether both are of one kind and hold the same bytes. */
  equals(other: unknown): boolean {
    return native.kind(other) === native.kind(this) && native.compare(this, other as NativeValue) === 0
  }

  /** Below, equal to or above 0, in the order of the bytes. */
  compare(other: this): number {
    return native.compare(this, other)
  }

  /** The bytes, as a copy. */
  toBytes(): Uint8Array {
    return native.bytes(this)
  }

  toString(): string {
    return native.text(this)
  }

  toJSON(): string {
    return native.text(this)
  }
}

/**
 * A 128-bit key, the usual id of a document. Its text is 32 hexadecimal digits. The type remembers the store it belongs to.
 *
 * @example
 * ```ts
 * const key = Key.parse("0198f0c2a3b47d8e9f00112233445566")
 * ```
 */
export class Key<Store extends string = string> extends Identifier {
  declare readonly [storeName]: Store

  private constructor() {
    super()
  }

  /** The key that a text of 32 hexadecimal digits (or a UUID's text) stands for; undefined when it is none. */
  static parse<Store extends string = string>(text: string): Key<Store> | undefined {
    return native.parse(Kind.key, text) as Key<Store> | undefined
  }

  /** The key with these 16 bytes. */
  static fromBytes<Store extends string = string>(bytes: Uint8Array): Key<Store> {
    return native.make(Kind.key, bytes) as unknown as Key<Store> // the engine gives it this prototype
  }
}

/**
 * A UUID. Its text has dashes.
 *
 * @example
 * ```ts
 * const uuid = Uuid.parse("0198f0c2-a3b4-7d8e-9f00-112233445566")
 * ```
 */
export class Uuid extends Identifier {
  declare private readonly uuid: true

  private constructor() {
    super()
  }

  /** The UUID a text stands for; undefined when it is none. */
  static parse(text: string): Uuid | undefined {
    return native.parse(Kind.uuid, text) as Uuid | undefined
  }

  /** The UUID with these 16 bytes. */
  static fromBytes(bytes: Uint8Array): Uuid {
    return native.make(Kind.uuid, bytes) as unknown as Uuid // the engine gives it this prototype
  }
}

/**
 * A MongoDB ObjectId. Its text is 24 hexadecimal digits.
 *
 * @example
 * ```ts
 * const id = ObjectId.parse("507f1f77bcf86cd799439011")
 * ```
 */
export class ObjectId extends Identifier {
  declare private readonly objectId: true

  private constructor() {
    super()
  }

  /** The ObjectId a text stands for; undefined when it is none. */
  static parse(text: string): ObjectId | undefined {
    return native.parse(Kind.objectId, text) as ObjectId | undefined
  }

  /** The ObjectId with these 12 bytes. */
  static fromBytes(bytes: Uint8Array): ObjectId {
    return native.make(Kind.objectId, bytes) as unknown as ObjectId // the engine gives it this prototype
  }
}

native.adopt(Kind.key, Key.prototype)
native.adopt(Kind.uuid, Uuid.prototype)
native.adopt(Kind.objectId, ObjectId.prototype)
