/**
 * `@planckdb/planck/guest`: what a service is written with.
 *
 * @example
 * ```ts
 * import { s, service, store } from "@planckdb/planck/guest"
 *
 * const notes = store("notes", { text: s.string({ maxLength: 280 }), at: s.date() })
 *
 * export default service({ name: "notes", version: "1.0.0" }, (app) => {
 *   app.get("/notes", () => notes.orderBy("at", "desc").limit(20))
 *   app.post("/notes", { body: notes.input }, ({ body }) => ({ id: notes.insert(body) }))
 * })
 * ```
 */
import "./platform.ts"

export {
  Answer,
  type Answerable,
  type AnswerOptions,
  bytes,
  empty,
  type HeaderFields,
  html,
  json,
  type JsonValue,
  redirect,
  status,
  text
} from "./answers.ts"
export { Decimal, type DecimalLike } from "./decimal.ts"
export { type Calculation, type Computable } from "./compute.ts"
export { type Aggregate, Groups } from "./groups.ts"
export { notFound, PlanckError, Problem, problem, type ProblemOptions } from "./errors.ts"
export {
  type ConvertedType,
  convertField,
  dropField,
  type MigrationBothWays,
  type MigrationFunction,
  type Migrations,
  type MigrationStep,
  type MigrationWay,
  renameField,
  setDefault
} from "./migration.ts"
export {
  type Additions,
  type Changes,
  type Condition,
  type Conditions,
  each,
  type Explanation,
  type Increments,
  matching,
  type Operator,
  optional,
  Query,
  type Removals,
  type Update,
  type Updated
} from "./query.ts"
export {
  type ArrayOptions,
  type Document,
  type Fields,
  type Given,
  type Infer,
  type NumberOptions,
  s,
  Schema,
  type StringOptions,
  StructSchema
} from "./schema.ts"
export {
  App,
  type Config,
  type Handler,
  type HandlerRequest,
  type RouteInput,
  type RouteMaker,
  Service,
  service,
  type ServiceOptions,
  type UrlValue
} from "./service.ts"
export { type Index, type IndexCondition, type IndexOperator } from "./indexes.ts"
export { type DurabilityLevel, type NewRow, type Row, Store, store, type StoreOptions } from "./store.ts"
export { type Rows, Template } from "./template.ts"
export { Key, ObjectId, Uuid } from "./values.ts"
