/**
 * What a module says about itself: section `planck.manifest`, JSON, written by the build and read by the host. The shape is part of the ABI.
 *
 * Invariant: a `Manifest` that `readManifest` returned is complete and consistent; nobody behind it checks again.
 */
import type { Field, StoreDefinition } from "../Schema/Definition.ts"

/** HTTP methods a route may have. HEAD is answered by the route of GET unless it has its own. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const

/** One of `METHODS`. */
export type Method = (typeof METHODS)[number]

/** Named fields of an input. */
export type Fields = Readonly<Record<string, Field>>

/** What a route takes: each part is coerced to its fields before the handler runs. */
export interface RouteInput {
  readonly params?: Fields
  readonly query?: Fields
  readonly headers?: Fields
  readonly body?: Field
}

/** How a body is read: as JSON, as a form, or as the bytes it is. */
export type BodyKind = "json" | "form" | "any"

/** One route. `writes` says whether its handler runs in a transaction; without it, it reads the durable snapshot. */
export interface ManifestRoute {
  readonly method: Method
  readonly pattern: string
  /** Name of one of `handlers`. */
  readonly handler: string
  readonly writes: boolean
  readonly input?: RouteInput
  readonly bodyKind?: BodyKind
}

/** What handlers are called for: a request, or a document that has to get from one version of its store to another. */
export const HANDLER_KINDS = ["http", "migration"] as const

/** One handler: the name the manifest uses for it, and the function the module exports. */
export interface ManifestHandler {
  readonly name: string
  readonly export: string
  readonly kind: (typeof HANDLER_KINDS)[number]
}

/** A value the service needs from outside; a secret one never shows in a log. */
export type ConfigField = Field & { readonly secret?: true }

/** What a service asks for. The host's own limits bound them. */
export interface ManifestLimits {
  readonly deadlineMs?: number
  readonly memoryBytes?: number
}

/** The manifest. */
export interface Manifest {
  readonly abi: 1
  readonly name: string
  readonly version: string
  readonly language: string
  readonly stores: ReadonlyArray<StoreDefinition>
  readonly routes: ReadonlyArray<ManifestRoute>
  readonly handlers: ReadonlyArray<ManifestHandler>
  readonly config: Readonly<Record<string, ConfigField>>
  readonly limits: ManifestLimits
  readonly capabilities: ReadonlyArray<string>
}
