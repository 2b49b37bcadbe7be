/**
 * What a template has to know of HTML: which elements are special, and what each attribute's value means to a browser.
 *
 * Invariants
 * - An attribute that is not listed is plain text to the browser and to the usual client libraries; everything that can carry a
 *   program, a style, markup or an address is listed. In doubt an attribute is `refused`.
 */

/** Elements without content and without an end tag. */
export const voidElements: ReadonlySet<string> = new Set("area base br col embed hr img input link meta param source track wbr".split(" "))

/** Elements whose content the browser does not read as markup: it is copied as written, expressions stand in programs and styles only. */
export const rawTextElements: ReadonlySet<string> = new Set("script style xmp iframe noembed noframes".split(" "))

/** Elements whose content is text only: expressions may stand in it, elements may not. */
export const textOnlyElements: ReadonlySet<string> = new Set(["title", "textarea"])

/** Elements that cannot be written at all: nothing behind them would be markup. */
export const refusedElements: ReadonlySet<string> = new Set(["plaintext"])

/** Elements whose spaces and line breaks are shown as written. */
export const preformattedElements: ReadonlySet<string> = new Set(["pre", "textarea", "listing", "xmp"])

/** Elements between whose children white space is neither shown nor kept. */
export const structuralElements: ReadonlySet<string> = new Set(
  "html head table thead tbody tfoot tr colgroup select optgroup datalist picture".split(" ")
)

/** What a browser, or a client library, does with the value of an attribute. */
export type AttributeMeaning =
  | { readonly kind: "text" }
  /** An address that is followed or shown: its scheme is checked. */
  | { readonly kind: "url" }
  /** An address from which code, style or a whole page is loaded: its origin has to be written in the template. */
  | { readonly kind: "pinnedUrl" }
  /** A list of addresses, with descriptors behind them where commas separate them. */
  | { readonly kind: "addresses" }
  /** A style: declarations. */
  | { readonly kind: "style" }
  /** A whole page, as text. */
  | { readonly kind: "page" }
  /** A program, or data read by a program: values may stand in it. `whole`: so may a whole `{x | json}`. */
  | { readonly kind: "script"; readonly whole: boolean; readonly why: string }
  /** No expression may stand there. */
  | { readonly kind: "refused"; readonly why: string }

const text: AttributeMeaning = { kind: "text" }
const url: AttributeMeaning = { kind: "url" }
const pinned: AttributeMeaning = { kind: "pinnedUrl" }

const urlAttributes = new Set(
  "href src action formaction cite poster background longdesc usemap data codebase classid icon profile manifest xlink:href".split(" ")
)
const htmxUrlAttributes = new Set([
  "hx-get",
  "hx-post",
  "hx-put",
  "hx-delete",
  "hx-patch",
  "hx-push-url",
  "hx-replace-url",
  "ws-connect",
  "sse-connect"
])

const addressLists = new Set(["srcset", "imagesrcset", "ping", "attributionsrc"])

const refused: Readonly<Record<string, string>> = {
  archive: "what is loaded",
  "http-equiv": "an instruction to the browser",
  _: "a program",
  "data-script": "a program",
  "hx-trigger": "an instruction to a library",
  "data-hx-trigger": "an instruction to a library"
}

const loadingElements: Readonly<Record<string, string>> = {
  script: "src href xlink:href",
  iframe: "src",
  frame: "src",
  portal: "src",
  fencedframe: "src",
  embed: "src code",
  object: "data codebase classid",
  applet: "code codebase archive object",
  base: "href",
  use: "href xlink:href"
}

/** Kinds of `<link>` that load nothing that could run or style. */
const harmlessLinks = new Set("alternate apple-touch-icon author bookmark canonical help icon license next prev search shortcut".split(" "))

const animations = new Set(["animate", "animatetransform", "animatemotion", "set"])
const animated = new Set(["attributename", "to", "from", "by", "values"])
const clientPrograms =
  /^(?:@|:|v-|x-|(?:data-)?hx-(?:on|vals$|vars$|headers$|request$)|data-(?:on|signals|computed|effect|init|attr|class|style|show|text|bind)(?:$|[:-]))/
/** Programs of libraries in languages that are not read here. */
const otherPrograms = /^(?:ng-|data-ng-|jsaction|wire:|[*#([])/
/** Attributes of libraries that set another attribute or property: its name. */
const bindings = /^(?:x-bind:|v-bind:|:|\.|data-attr[:-])([^.]+)/
/** Attributes of libraries whose value becomes markup, or the names of attributes. */
const setsMarkup = /^(?:x-html|v-html|data-html|x-bind|v-bind|data-attr|x-teleport|v-slot)(?:$|\.)/
const markupProperties = new Set(["innerhtml", "inner-html", "outerhtml", "outer-html", "srcdoc", "html"])

/** The literal attributes of the element that change what another attribute means. */
export interface ElementFacts {
  /** Lower-case name of the element. */
  readonly element: string
  /** `rel` of a link, when written literally. */
  readonly rel?: string | undefined
  /** Whether the element has `http-equiv`. */
  readonly httpEquiv: boolean
}

/** What the value of attribute `name` of this element means. */
export function attributeMeaning(name: string, facts: ElementFacts): AttributeMeaning {
  const lower = name.toLowerCase()
  if (lower.startsWith("on")) return { kind: "script", whole: false, why: "a program" }
  if (lower === "style") return { kind: "style" }
  if (lower === "srcdoc") return { kind: "page" }
  if (addressLists.has(lower)) return { kind: "addresses" }
  if (Object.hasOwn(refused, lower)) return { kind: "refused", why: refused[lower] ?? "" }
  if (lower.startsWith("xmlns")) return { kind: "refused", why: "the name of a language" }
  if (facts.httpEquiv && lower === "content") return { kind: "refused", why: "an instruction to the browser" }
  if (facts.element === "script" && (lower === "type" || lower === "language")) return { kind: "refused", why: "how a program is read" }
  if (animations.has(facts.element) && animated.has(lower)) return { kind: "refused", why: "another attribute's value" }
  if (loadingElements[facts.element]?.split(" ").includes(lower)) return pinned
  if (facts.element === "link") return linkMeaning(lower, facts.rel)
  if (urlAttributes.has(lower) || htmxUrlAttributes.has(lower.replace(/^data-/, ""))) return url
  return libraryMeaning(lower, facts)
}

/** What the usual client libraries do with an attribute. */
function libraryMeaning(name: string, facts: ElementFacts): AttributeMeaning {
  if (otherPrograms.test(name)) return { kind: "refused", why: "a program" }
  if (setsMarkup.test(name)) return { kind: "refused", why: "made into markup or attributes" }
  const bound = bindings.exec(name)?.[1]
  if (bound !== undefined && (markupProperties.has(bound) || attributeMeaning(bound, facts).kind !== "text")) {
    return { kind: "refused", why: `made into the attribute ${bound}` }
  }
  return clientPrograms.test(name) || bound !== undefined ? { kind: "script", whole: true, why: "read as a program" } : text
}

/** Elements on which attributes of any name would decide what is loaded or how it is read. */
export const unspreadElements: ReadonlySet<string> = new Set([
  ...Object.keys(loadingElements),
  ...animations,
  "link",
  "meta",
  "style",
  "template"
])

/** How the content of a `<script>` of this type is read; undefined when nothing may stand in it. */
export function scriptLanguage(type: string | undefined): "script" | "json" | undefined {
  const name = type?.trim().toLowerCase() ?? ""
  if (/^(?:|module|(?:text|application)\/(?:x-)?(?:java|ecma)script)$/.test(name)) return "script"
  return /^(?:application|text)\/(?:[\w.-]+\+)?json$/.test(name) ? "json" : undefined
}

function linkMeaning(name: string, rel: string | undefined): AttributeMeaning {
  if (name === "rel") return { kind: "refused", why: "what is loaded" }
  if (name !== "href") return text
  const kinds = rel?.trim().toLowerCase().split(/\s+/) ?? []
  return kinds.length > 0 && kinds.every((kind) => harmlessLinks.has(kind)) ? url : pinned
}

/** How far the literal beginning of an address settles what kind of address it is. */
export type AddressStart = "open" | "safe" | "pinned" | "partial" | "dangerous"

/**
 * Judges the literal text before the first expression of an address.
 * `open`: nothing is settled; `safe`: the scheme is settled and harmless; `pinned`: the origin is settled too;
 * `partial`: the text could still become part of a scheme; `dangerous`: the scheme runs programs.
 */
export function addressStart(literal: string): AddressStart {
  const address = browserView(decodeEntities(literal))
  if (address === "") return "open"
  const scheme = schemeOf(address)
  if (scheme !== undefined) {
    if (!safeSchemes.has(scheme)) return "dangerous"
    return /^https?:\/\/[^/\\?#]+[/?#]/i.test(address) ? "pinned" : "safe"
  }
  if (!/[/\\?#]/.test(address)) return "partial"
  if (/^[/\\]{2}/.test(address)) return /^\/\/[^/\\?#]+[/?#]/.test(address) ? "pinned" : "safe"
  if (/^[/\\]$/.test(address)) return "safe"
  return "pinned"
}

/** Schemes that neither run programs nor carry content. All other schemes are neutralised. */
export const safeSchemes: ReadonlySet<string> = new Set(["http", "https", "mailto", "tel", "sms"])

/** What stands in place of an address with any other scheme. */
export const blockedAddress = "about:invalid"

/** An address as the browser reads it: without leading control characters and spaces, and without tabs and line breaks. */
function browserView(address: string): string {
  return address.replace(/^[\p{Cc}\s]+/u, "").replace(/[\t\n\r]+/g, "")
}

function schemeOf(address: string): string | undefined {
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(address)?.[1]?.toLowerCase()
}

/**
 * Whether a whole address, as it stands in the page (entities and all), is harmless. Stricter than a browser: control characters
 * anywhere before the scheme's colon are taken out, and entities are read three times over, so that a value which is decoded
 * again on its way (a client library, `innerHTML`) stays harmless too.
 */
export function safeAddress(written: string): boolean {
  let address = written
  for (let round = 0; round < 3; round++) {
    address = decodeEntities(address)
    const bare = address.replace(/[\p{Cc}\p{Cf}\s]+/gu, "")
    const colon = bare.indexOf(":")
    const before = bare.slice(0, colon < 0 ? 0 : colon)
    if (colon >= 0 && !/[/?#\\]/.test(before) && !safeSchemes.has(before.toLowerCase())) return false
  }
  return true
}

const named: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  colon: ":",
  tab: "\t",
  newline: "\n",
  sol: "/",
  bsol: "\\",
  nbsp: "\u00a0",
  num: "#",
  quest: "?",
  period: ".",
  plus: "+",
  lpar: "(",
  rpar: ")",
  comma: ",",
  semi: ";",
  zerowidthspace: "\u200b",
  shy: "\u00ad"
}

const references: Readonly<Record<string, string>> = {
  amp: "&",
  AMP: "&",
  lt: "<",
  LT: "<",
  gt: ">",
  GT: ">",
  quot: '"',
  QUOT: '"',
  apos: "'",
  nbsp: "\u00a0"
}

/** An attribute's value as the browser reads it; undefined when it holds named references other than the usual. */
export function decodeAttribute(written: string): string | undefined {
  let known = true
  const text = written.replace(
    /&(?:#[xX]([0-9A-Fa-f]+);?|#([0-9]+);?|([A-Za-z][A-Za-z0-9]*);|(amp|lt|gt|quot)(?![=A-Za-z0-9]))/g,
    (whole, hex?: string, decimal?: string, name?: string, bare?: string) => {
      const reference = name ?? bare
      if (reference !== undefined) {
        known &&= Object.hasOwn(references, reference)
        return references[reference] ?? whole
      }
      const point = hex === undefined ? Number.parseInt(decimal ?? "", 10) : Number.parseInt(hex, 16)
      return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd"
    }
  )
  return known ? text : undefined
}

/** Character references as far as they matter to an address: all numeric ones and the names of signs. */
export function decodeEntities(text: string): string {
  if (!text.includes("&")) return text
  return text.replace(/&(?:#[xX]([0-9A-Fa-f]+)|#([0-9]+)|([A-Za-z]+));?/g, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return named[name.toLowerCase()] ?? whole
    const point = hex === undefined ? Number.parseInt(decimal ?? "", 10) : Number.parseInt(hex, 16)
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd"
  })
}
