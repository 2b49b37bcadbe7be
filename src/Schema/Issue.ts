/** Something wrong with a document, an input or a definition, and where. */

/** How many issues one check reports at most. */
export const ISSUES_MAX = 100

export type IssueCode =
  | "required"
  | "unknown_field"
  | "type"
  | "invalid"
  | "too_short"
  | "too_long"
  | "pattern"
  | "too_small"
  | "too_large"
  | "literal"
  | "too_few_items"
  | "too_many_items"
  | "too_many_entries"
  | "union"
  | "duplicate"
  | "unsupported"

/**
 * One problem. `pointer` is a JSON pointer (RFC 6901) relative to what was checked: `""` is the value itself, `"/lines/0/quantity"` a part.
 */
export interface Issue {
  readonly pointer: string
  readonly code: IssueCode
  readonly message: string
}

/** A name as a part of a JSON pointer. */
export function pointerPart(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1")
}
