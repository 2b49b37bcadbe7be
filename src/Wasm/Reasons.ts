/**
 * What a Fault of this folder says. Pure: the core imports this file, the door imports `Errors.ts`.
 *
 * Two unions: `WasmReason` is why a module was refused or could not be set up; `CallReason` is why an operation or a call failed, and always ends
 * as an error document or as an answer.
 */
import { Fault } from "../Fault/Fault.ts"
import type { ErrorCodeName } from "./ErrorCodes.ts"

/** One thing that is wrong with a document given by an author or a client: a JSON pointer to it, a code of `docs/errors.md`, and words. */
export interface Issue {
  readonly pointer: string
  readonly code: string
  readonly message: string
}

/** What a guest can be refused for. `offset` is a byte offset in the file. */
export type WasmReason =
  | { readonly _tag: "NotAModule"; readonly message: string; readonly offset?: number }
  | { readonly _tag: "UnknownAbi"; readonly abi: unknown; readonly supported: ReadonlyArray<number>; readonly message: string }
  | { readonly _tag: "ManifestMissing"; readonly message: string }
  | { readonly _tag: "InvalidManifest"; readonly issues: ReadonlyArray<Issue>; readonly message: string }
  | { readonly _tag: "MissingExport"; readonly name: string; readonly message: string }
  | {
      readonly _tag: "WrongSignature"
      readonly name: string
      readonly found: string
      readonly expected: string
      readonly offset: number
      readonly message: string
    }
  | { readonly _tag: "ForbiddenImport"; readonly module: string; readonly name: string; readonly offset: number; readonly message: string }
  | { readonly _tag: "StartSection"; readonly offset: number; readonly message: string }
  | { readonly _tag: "MemoryRefused"; readonly offset?: number; readonly limitBytes: number; readonly message: string }
  | { readonly _tag: "UnsupportedLanguage"; readonly language: string; readonly message: string }
  | { readonly _tag: "ForgedImage"; readonly offset: number; readonly message: string }
  | { readonly _tag: "InvalidSection"; readonly section: string; readonly message: string }
  | { readonly _tag: "InvalidConfiguration"; readonly service: string; readonly issues: ReadonlyArray<Issue>; readonly message: string }
  | { readonly _tag: "StartFailed"; readonly message: string }
  | { readonly _tag: "ModuleTooLarge"; readonly lengthBytes: number; readonly limitBytes: number; readonly message: string }

/** Fields of an error document beside `code` and `message`: plain values that BSON can hold. */
export type ErrorFields = Readonly<Record<string, string | number | boolean | ReadonlyArray<string> | ReadonlyArray<Issue>>>

/** Why a host operation, or the whole call, failed. */
export interface CallReason {
  readonly _tag: "CallFailed"
  readonly code: ErrorCodeName
  readonly message: string
  readonly fields: ErrorFields
}

const NO_FIELDS: ErrorFields = {}

/** A Fault that becomes an error document with this code. */
export function callFault(code: ErrorCodeName, message: string, fields: ErrorFields = NO_FIELDS): Fault<CallReason> {
  return new Fault<CallReason>({ _tag: "CallFailed", code, message, fields })
}

/** A Fault that refuses a module. */
export function refusal(reason: WasmReason): Fault<WasmReason> {
  return new Fault(reason)
}

const WASM_TAGS: ReadonlySet<string> = new Set<WasmReason["_tag"]>([
  "NotAModule",
  "UnknownAbi",
  "ManifestMissing",
  "InvalidManifest",
  "MissingExport",
  "WrongSignature",
  "ForbiddenImport",
  "StartSection",
  "MemoryRefused",
  "UnsupportedLanguage",
  "ForgedImage",
  "InvalidSection",
  "InvalidConfiguration",
  "StartFailed",
  "ModuleTooLarge"
])

/** Whether `error` is a Fault with a `WasmReason`. */
export function isWasmFault(error: unknown): error is Fault<WasmReason> {
  return error instanceof Fault && WASM_TAGS.has(error.reason._tag)
}

/** Whether `error` is a Fault made by `callFault`. */
export function isCallFault(error: unknown): error is Fault<CallReason> {
  return error instanceof Fault && error.reason._tag === "CallFailed"
}
