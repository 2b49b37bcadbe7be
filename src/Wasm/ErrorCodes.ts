/**
 * The registry of every error code that can leave the process in a problem answer or reach a guest in an error document.
 * `docs/errors.md` shows the same table; a test holds the two, and the codes the sources use, against each other.
 *
 * Invariants
 * - A code is never given another meaning. Its status, and whether the same request may simply be sent again, belong to it.
 * - Only the fields listed here leave in an answer. Of a code with a status of 500 or more not even the message leaves, unless the host runs in
 *   development: what broke inside is for the log.
 */

/** What a code means to a client and to a guest. */
export interface ErrorCode {
  /** HTTP status of an answer with this code. */
  readonly status: number
  /** Whether the same request may succeed when it is sent again unchanged. */
  readonly retryable: boolean
  /** The `title` of the problem: the same words for every occurrence. */
  readonly title: string
  /** Fields beside `code` and `message` that an error document of this code may have. */
  readonly fields: ReadonlyArray<string>
  /** Tags of the faults of the core that become this code. */
  readonly faults: ReadonlyArray<string>
}

const code = (status: number, title: string, options: Partial<Omit<ErrorCode, "status" | "title">> = {}): ErrorCode => ({
  status,
  title,
  retryable: options.retryable ?? false,
  fields: options.fields ?? [],
  faults: options.faults ?? []
})

/** Every code, by its name. */
export const ERROR_CODES = {
  // The request.
  malformed_request: code(400, "The request cannot be read"),
  invalid_request: code(400, "The request does not fit what the route takes", { fields: ["issues"] }),
  invalid_json: code(400, "The body is not JSON", { fields: ["line", "column"], faults: ["InvalidJson"] }),
  route_not_found: code(404, "There is nothing here"),
  method_not_allowed: code(405, "The path is there, the method is not", { fields: ["allow"] }),
  request_timeout: code(408, "The request did not arrive in time", { retryable: true }),
  body_too_large: code(413, "The body is too large", { fields: ["limit"] }),
  target_too_long: code(414, "The path and query are too long", { fields: ["limit"] }),
  unsupported_media_type: code(415, "The route does not take this content type", { fields: ["expected"] }),
  unsupported_content_encoding: code(415, "The body is encoded in a way the server does not read", { fields: ["expected"] }),
  header_too_large: code(431, "The header fields are too large", { fields: ["limit"] }),

  // Documents and statements.
  invalid_document: code(422, "The document does not fit its store", { fields: ["issues"], faults: ["InvalidDocument"] }),
  duplicate_key: code(409, "A document with this key is there already", { fields: ["store", "key"], faults: ["DuplicateKey"] }),
  unique_violation: code(409, "Another document has these values already", {
    fields: ["store", "index", "paths", "values"],
    faults: ["UniqueViolation"]
  }),
  too_many_entries: code(413, "The document has too many values for an index", { fields: ["index", "max"], faults: ["TooManyEntries"] }),
  id_collision: code(409, "Two different ids have the same key", { fields: ["store", "key"], faults: ["IdCollision"] }),
  id_missing: code(422, "The document has no id", { fields: ["store"], faults: ["IdMissing"] }),
  document_too_large: code(413, "The document is too large", { fields: ["store", "bytes", "bytesMax"], faults: ["DocumentTooLarge"] }),
  transaction_too_large: code(413, "The transaction is too large", { fields: ["limit", "max"], faults: ["TransactionTooLarge"] }),
  invalid_update: code(422, "The update does not fit the document it met", { fields: ["path"], faults: ["InvalidUpdate"] }),
  invalid_statement: code(500, "The service asked for something that cannot be run", {
    fields: ["path", "suggestion"],
    faults: ["InvalidStatement", "InvalidFilter"]
  }),
  invalid_cursor: code(400, "The cursor is none, or of rows in another order", { faults: ["InvalidCursor"] }),
  budget_exceeded: code(500, "The query takes more than it may", {
    fields: ["budget", "limit", "store", "missingIndex"],
    faults: ["BudgetExceeded"]
  }),

  // The guest.
  problem: code(500, "The service answered with a problem"),
  handler_failed: code(500, "The service failed"),
  guest_trapped: code(500, "The service failed"),
  stack_overflow: code(500, "The service failed"),
  out_of_memory: code(500, "The service ran out of memory"),
  malformed_document: code(500, "The service read a document that is none"),
  too_deep: code(500, "The service used a document that is nested too deep"),
  unsupported_type: code(500, "The service read a value that it has no type for"),
  unsupported_value: code(500, "The service used a value that no document can hold"),
  promise_pending: code(500, "The service waits for something that cannot happen"),
  bad_reply: code(500, "The service answered with nonsense"),
  deadline_exceeded: code(503, "The service took too long", { retryable: true }),
  too_many_operations: code(500, "The service asked too much of the host", { fields: ["limit"] }),
  too_many_answers: code(500, "The service made too many answers", { fields: ["limit"] }),
  reply_too_large: code(500, "The reply is too large", { fields: ["limitBytes"], faults: ["TooLarge"] }),
  answer_too_large: code(500, "The answer is too large", { fields: ["limitBytes"] }),

  // What a guest asks of the host.
  bad_pointer: code(500, "The service gave an address outside its memory"),
  bad_argument: code(500, "The service gave an argument that does not fit the operation", { fields: ["path"], faults: ["InvalidBson"] }),
  unknown_operation: code(500, "The host has no such operation", { fields: ["operation"] }),
  unknown_store: code(500, "The service has no such store", { fields: ["store"], faults: ["UnknownStore"] }),
  unknown_template: code(500, "The service has no such template", { fields: ["name"], faults: ["UnknownTemplate"] }),
  unknown_config: code(500, "The service declares no such configuration", { fields: ["name"] }),
  write_in_read_only: code(500, "A read-only handler wrote"),
  render_failed: code(500, "The template could not be rendered", {
    fields: ["template", "parameter", "limit"],
    faults: ["InvalidBinding", "RenderLimit"]
  }),

  // The engine and the process.
  snapshot_expired: code(503, "The read took too long", { retryable: true, faults: ["SnapshotExpired"] }),
  busy: code(503, "The store cannot take more right now", { retryable: true, faults: ["Backpressure", "TransactionOpen"] }),
  disk_full: code(507, "There is no room on the disk", { retryable: true, faults: ["ReadOnly"] }),
  read_only: code(503, "The store takes no writes until it is restarted", { faults: ["Poisoned"] }),
  outcome_unknown: code(503, "Whether this happened is known only after a restart"),
  overloaded: code(503, "The server has too much to do", { retryable: true }),
  no_service: code(503, "No service is here at the moment", { retryable: true }),
  closed: code(503, "The store is closed", { retryable: true, faults: ["Closed"] }),
  internal: code(500, "The host failed")
} as const satisfies Readonly<Record<string, ErrorCode>>

/** The name of a code. */
export type ErrorCodeName = keyof typeof ERROR_CODES

/** Whether a text is one of the codes. */
export function isErrorCode(name: string): name is ErrorCodeName {
  return Object.hasOwn(ERROR_CODES, name)
}

const CODE_OF_FAULT = new Map<string, ErrorCodeName>()
for (const [name, { faults }] of Object.entries(ERROR_CODES)) {
  for (const tag of faults) if (isErrorCode(name)) CODE_OF_FAULT.set(tag, name)
}

/** The code that a fault of the core becomes; undefined for one that no guest can cause, which is `internal`. */
export function codeOfFault(tag: string): ErrorCodeName | undefined {
  return CODE_OF_FAULT.get(tag)
}
