/** Runs the bundle's top level and checks what it declares; mistakes come back as places in the author's files. */
import { Fault } from "../Fault/Fault.ts"
import { loadEngine } from "../Wasm/Engine.ts"
import { evaluateSource, type Evaluation, type EvaluationFailed } from "../Wasm/Evaluation.ts"
import { manifestOf } from "../Wasm/Image.ts"
import type { Manifest } from "../Wasm/Manifest.ts"
import { readManifest } from "../Wasm/ManifestReader.ts"
import type { WasmReason } from "../Wasm/Reasons.ts"
import type { Bundle } from "./Bundle.ts"
import { invalidService } from "./Failure.ts"
import { type BuildIssue, issueAt, issueWithoutPlace, type Place, type SourceText } from "./Issue.ts"
import type { Project } from "./Project.ts"

export interface EvaluatedService {
  readonly evaluation: Evaluation
  readonly manifest: Manifest
  /** Static files to pack: path in the service → where they come from. */
  readonly assets: Readonly<Record<string, string>>
}

/** Evaluates a bundle. Throws a Fault `InvalidService`. */
export function evaluateBundle(project: Project, bundle: Bundle, source: SourceText): EvaluatedService {
  const evaluation = evaluated(project, bundle, source)
  const { assets, origins, storeOrigins } = evaluation.definition as {
    readonly assets?: Readonly<Record<string, string>>
    readonly origins?: ReadonlyArray<string>
    readonly storeOrigins?: ReadonlyArray<string>
  }
  const placeOf: PlaceOf = (kind, index) => authorPlace((kind === "routes" ? origins : storeOrigins)?.[index] ?? "", bundle)
  const manifest = manifestOf(evaluation)
  checkManifest(manifest, project, placeOf, source)
  return { evaluation, manifest, assets: assets ?? {} }
}

function evaluated(project: Project, bundle: Bundle, source: SourceText): Evaluation {
  try {
    return evaluateSource(loadEngine(), bundle.source)
  } catch (error) {
    if (!(error instanceof Fault) || error.reason._tag !== "EvaluationFailed") throw error
    const { message, stack } = error.reason as EvaluationFailed
    const place = authorPlace(stack, bundle)
    throw invalidService([
      place === undefined ? issueWithoutPlace("evaluation", project.entry, message) : issueAt("evaluation", place, message, source)
    ])
  }
}

/** The innermost place of a stack that is in a file of the author. */
export function authorPlace(stack: string, bundle: Bundle): Place | undefined {
  const places = [...stack.matchAll(/service\.js:(\d+):(\d+)/g)].flatMap(([, line, column]) => {
    const found = bundle.map?.find(Number(line), Number(column))
    return found === undefined || found.file.startsWith("planck:") ? [] : [found]
  })
  return places.find(({ file }) => !file.includes("node_modules/")) ?? places[0]
}

/** Where a route or store was declared. */
type PlaceOf = (kind: "routes" | "stores", index: number) => Place | undefined

/** The host checks a manifest when it is deployed; here the same check names the author's line. */
function checkManifest(manifest: Manifest, project: Project, placeOf: PlaceOf, source: SourceText): void {
  try {
    readManifest(new TextEncoder().encode(JSON.stringify(manifest)))
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const reason = error.reason as WasmReason
    if (reason._tag !== "InvalidManifest") throw error
    throw invalidService(
      reason.issues.map(({ pointer, message }): BuildIssue => {
        const [, kind, index, rest = ""] = /^\/(routes|stores)\/(\d+)(.*)$/.exec(pointer) ?? []
        const place = kind === "routes" || kind === "stores" ? placeOf(kind, Number(index)) : undefined
        const path = (kind === "stores" ? rest : pointer).slice(1).replaceAll("/", ".")
        const words = kind === "routes" || path === "name" ? message : `${path}: ${message}`
        return place === undefined ? issueWithoutPlace("manifest", project.entry, words) : issueAt("manifest", place, words, source)
      })
    )
  }
}
