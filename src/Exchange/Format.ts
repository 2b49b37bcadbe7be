/** The forms in which documents leave and enter a database. */

/**
 * `ndjson`: Extended JSON, one document a line. `bson`: documents one after the other, as mongodump writes them. `csv`: RFC 4180 with a
 * header; one column for every field of the schema.
 */
export type Format = "ndjson" | "bson" | "csv"

export const FORMATS: ReadonlyArray<Format> = ["ndjson", "bson", "csv"]

/** The format that a file's name ends with. */
export function formatOf(name: string): Format | undefined {
  return FORMATS.find((format) => name.endsWith(`.${format}`)) ?? (/\.jsonl?$/.test(name) ? "ndjson" : undefined)
}
