/** From rows to documents in a store's stored form. Says of a bad row which field is wrong, and why. */
import { parseExtendedJson } from "../Bson/ExtendedJson.ts"
import * as Type from "../Bson/Type.ts"
import { isValidUtf8 } from "../Bson/Utf8.ts"
import { validate } from "../Bson/Validate.ts"
import { fieldName, findElement } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { Fault } from "../Fault/Fault.ts"
import type { Field, Fields, StoreDefinition } from "../Schema/Definition.ts"
import { compileInput, type InputReader } from "../Schema/Input.ts"
import type { Issue } from "../Schema/Issue.ts"
import { storeFields } from "../Schema/Validator.ts"
import { Column, readCells } from "./Csv.ts"
import type { Format } from "./Format.ts"

/** Why a row is no document of the store; `field` is a JSON pointer. */
export interface RowProblem {
  readonly field: string
  readonly message: string
}

const ID = fieldName("_id")

export class RowReader {
  /** The document, in its stored form, after a `read` that found no problem. */
  readonly document = new Writer()
  readonly #format: Format
  readonly #fields: Fields
  readonly #whole: InputReader
  readonly #withoutId: InputReader | undefined
  readonly #raw = new Writer()
  #columns: ReadonlyArray<Column> | undefined

  constructor(format: Format, definition: StoreDefinition) {
    this.#format = format
    this.#fields = storeFields(definition)
    this.#whole = compileInput(this.#fields)
    const makesIds = definition.idKind === "key" || definition.idKind === "uuid"
    this.#withoutId = makesIds ? compileInput(definition.schema) : undefined
  }

  /** Whether the next row is the header of a CSV file. */
  get wantsHeader(): boolean {
    return this.#format === "csv" && this.#columns === undefined
  }

  /** Takes the header: every column has to be a field of the store. */
  readHeader(bytes: Uint8Array, start: number, end: number): RowProblem | undefined {
    const cells = readCells(bytes, start, end)
    if (typeof cells === "string") return { field: "", message: cells }
    const columns: Array<Column> = []
    for (const { text } of cells) {
      const field: Field | undefined = Object.hasOwn(this.#fields, text) ? this.#fields[text] : undefined
      if (field === undefined) return { field: "", message: `the header names ${JSON.stringify(text)}, which is no field of the store` }
      if (columns.some((column) => column.name === text)) return { field: "", message: `the header names ${text} twice` }
      columns.push(new Column(text, field))
    }
    this.#columns = columns
    return undefined
  }

  /** Reads a row into `document`; gives what is wrong with it, if anything is. */
  read(bytes: Uint8Array, start: number, end: number): RowProblem | undefined {
    this.document.reset()
    try {
      const problem = this.#readRaw(bytes, start, end)
      return problem ?? this.#accept()
    } catch (error) {
      const problem = problemOf(error)
      if (problem === undefined) throw error
      return problem
    }
  }

  #readRaw(bytes: Uint8Array, start: number, end: number): RowProblem | undefined {
    const raw = this.#raw
    raw.reset()
    if (this.#format === "bson") {
      validate(bytes, start, end)
      raw.raw(bytes, start, end - start)
      return undefined
    }
    if (this.#format === "csv") return this.#readRecord(bytes, start, end)
    const type = parseExtendedJson(bytes.subarray(start, end), raw)
    return type === Type.DOCUMENT ? undefined : { field: "", message: `an object is needed, found ${Type.typeName(type)}` }
  }

  #readRecord(bytes: Uint8Array, start: number, end: number): RowProblem | undefined {
    if (!isValidUtf8(bytes, start, end)) return { field: "", message: "the row is not valid UTF-8" }
    const columns = this.#columns ?? []
    const cells = readCells(bytes, start, end)
    if (typeof cells === "string") return { field: "", message: cells }
    if (cells.length !== columns.length) return { field: "", message: `the row has ${cells.length} cells, the header ${columns.length}` }
    const raw = this.#raw
    const document = raw.beginDocument()
    for (const [index, column] of columns.entries()) {
      try {
        column.read(cells[index]!, raw)
      } catch (error) {
        const problem = problemOf(error)
        if (problem === undefined) throw error
        return { field: `/${column.name}${problem.field}`, message: problem.message }
      }
    }
    raw.endDocument(document)
    return undefined
  }

  #accept(): RowProblem | undefined {
    const { bytes } = this.#raw
    const reader = findElement(bytes, 0, ID) < 0 ? (this.#withoutId ?? this.#whole) : this.#whole
    const issues: ReadonlyArray<Issue> = reader.fromDocument(bytes, 0, this.#format === "csv" ? "strings" : "json", this.document)
    const [first] = issues
    return first === undefined ? undefined : { field: first.pointer, message: first.message }
  }
}

interface Told {
  readonly _tag: string
  readonly path?: string
  readonly column?: number
  readonly line?: number
  readonly paths?: ReadonlyArray<string>
  readonly message: string
}

/** The problem of a row that the codecs or the engine refused; undefined for a fault that is not about the row. */
export function problemOf(error: unknown): RowProblem | undefined {
  if (!(error instanceof Fault)) return undefined
  const { column, line, message, path, paths, _tag } = error.reason as Told
  switch (_tag) {
    case "InvalidJson":
      return { field: "", message: line === 1 ? message.replace(/^line 1, /, "") : `column ${column}: ${message}` }
    case "InvalidBson":
      return { field: path === undefined || path === "" ? "" : `/${path.replaceAll(".", "/")}`, message }
    case "InvalidValue":
      return { field: path ?? "", message: message.startsWith(`${path}: `) ? message.slice((path ?? "").length + 2) : message }
    case "TooLarge":
    case "InvalidKey":
    case "IdMissing":
      return { field: "", message }
    case "DuplicateKey":
      return { field: "/_id", message: "another document has this _id" }
    case "IdCollision":
      return { field: "/_id", message: "another _id has the same key" }
    case "UniqueViolation":
      return { field: `/${paths?.[0]?.replaceAll(".", "/") ?? ""}`, message }
    case "DocumentTooLarge":
      return { field: "", message: "the document is larger than a document may be" }
    default:
      return undefined
  }
}
