/**
 * Where in a statement the parser is: what completion asks when the text has ended there. The parser keeps it as it goes and never reads it.
 */
export class PqlPlace {
  /** The store whose fields names stand for. */
  store = ""
  /** The path of the array whose elements an `any` or `all` is about; empty outside of them. */
  elements = ""
  /** The path, from the document's root, that the next operator or value is about; in a document of values the path of that document. */
  path = ""
  /** What rows of groups have: names, with the path of documents that each stands for or nothing. Undefined where names are fields. */
  groups: ReadonlyMap<string, string> | undefined
  /** The change whose fields are named: these may be paths in quotes. */
  change: string | undefined
  /** What the parser would have taken where the text ends: words and signs in backticks, everything else in the words of a refusal. */
  readonly sought = new Set<string>()

  /** Goes on about the path that was just read. */
  follow(path: string): void {
    this.path = this.groups?.get(path) ?? joined(this.elements, path)
  }
}

/** A path below another one; either may be empty. */
export function joined(above: string, path: string): string {
  return above === "" || path === "" ? above + path : `${above}.${path}`
}
