/**
 * Builds one service, again and again: the steps in order, with what a rebuild can keep.
 *
 * Invariants
 * - Deterministic: the same files give the same bytes, wherever they lie and however often they were built before.
 * - A build that fails changes nothing but `.planck/types`.
 * - Every mistake is an issue with a place; anything else that is thrown is a bug of ours.
 */
import { writeAnswers } from "../Wasm/Answered.ts"
import { imageOf } from "../Wasm/Image.ts"
import type { Manifest } from "../Wasm/Manifest.ts"
import type { Field, StoreDefinition } from "../Schema/Definition.ts"
import { declaration } from "../Template/Declaration.ts"
import { compileTemplates, type TemplateFile } from "../Template/Template.ts"
import { type AssetCache, packAssets } from "./Assets.ts"
import { type Bundle, type Bundler, openBundler } from "./Bundle.ts"
import { evaluateBundle, type EvaluatedService } from "./Evaluate.ts"
import { invalidService, issuesOf } from "./Failure.ts"
import type { BuildIssue, SourceText } from "./Issue.ts"
import { assetParts, type BuildPart, inOrder, templateParts } from "./Parts.ts"
import { listFiles, openProject, type Project, readText } from "./Project.ts"
import { type Checked, checkTypes, writeTemplateTypes } from "./Types.ts"

export interface BuildOptions {
  /** The entry file, relative to the folder; found by itself when not given. */
  readonly entry?: string
  /** Whether `build` checks the author's types too. Default: yes. */
  readonly types?: boolean
}

/** A built service. */
export interface BuiltService {
  /** The module: everything there is to deploy. */
  readonly file: Uint8Array
  readonly manifest: Manifest
  /** What was written to the console at the top level, and mistakes that do not stop a build. */
  readonly warnings: ReadonlyArray<BuildIssue>
  readonly lines: ReadonlyArray<{ readonly level: number; readonly message: string }>
  readonly sizes: BuildSizes
  /** What the source, the templates and the static files are made of. */
  readonly parts: ReadonlyArray<BuildPart>
}

/** Bytes of the parts of a module. */
export interface BuildSizes {
  readonly file: number
  readonly source: number
  readonly templates: number
  readonly assets: number
  readonly sourcemap: number
}

interface Prepared {
  readonly bundle: Bundle
  readonly service: EvaluatedService
  readonly templates: Uint8Array | undefined
  readonly assets: Uint8Array | undefined
  readonly warnings: ReadonlyArray<BuildIssue>
  readonly parts: ReadonlyArray<BuildPart>
}

/** A project that is held open to be built many times. */
export class Builder {
  readonly project: Project
  private readonly bundler: Bundler
  private readonly assets: AssetCache = new Map()
  private stores: ReadonlyArray<StoreDefinition> = []

  private constructor(project: Project, bundler: Bundler) {
    this.project = project
    this.bundler = bundler
  }

  /** Opens a folder. Rejects with a Fault `InvalidService` when there is no service in it. */
  static async open(folder: string, options: BuildOptions = {}): Promise<Builder> {
    const project = openProject(folder, options.entry)
    return new Builder(project, await openBundler(project))
  }

  /** Builds the module, without checking types. Rejects with a Fault `InvalidService` that holds every mistake found. */
  async build(): Promise<BuiltService> {
    return this.assemble(await this.prepare(), new Map())
  }

  /** Builds the module and checks its code, which also tells what routes answer. Rejects like `build`, with the mistakes of types too. */
  async buildChecked(): Promise<BuiltService> {
    const prepared = await this.prepare()
    const { answers, issues, warnings } = await this.checkTypes()
    if (issues.length > 0) throw invalidService(issues)
    const service = this.assemble(prepared, answers)
    return { ...service, warnings: [...service.warnings, ...warnings] }
  }

  /** All of a build but the writing of the module. */
  private async prepare(): Promise<Prepared> {
    const source = this.sourceText()
    const files = listFiles(this.project.folder, ".zsx").map((path): TemplateFile => ({ path, source: source(path) ?? "" }))
    const { bundle, service } = await this.evaluate(files, source)
    this.stores = service.manifest.stores
    const { set, issues, notes, signatures } = compileTemplates(files, service.manifest.stores)
    writeTemplateTypes(this.project, new Map([...signatures].map(([name, signature]) => [name, declaration(signature)])))
    if (set === undefined) throw invalidService(issues.map(templateIssue))
    const templates = set.templates.length === 0 ? undefined : new TextEncoder().encode(JSON.stringify(set))
    const assets = packAssets(this.project, service.assets, service.manifest.routes, this.assets)
    const parts = inOrder([...bundle.parts, ...templateParts(set), ...assetParts(assets?.files ?? {})])
    return { bundle, service, templates, assets: assets?.section, parts, warnings: [...bundle.warnings, ...notes.map(templateIssue)] }
  }

  private assemble({ assets, bundle, parts, service, templates, warnings }: Prepared, answers: ReadonlyMap<string, Field>): BuiltService {
    const { file, manifest } = imageOf(service.evaluation, {
      ...(templates === undefined ? {} : { templates }),
      ...(assets === undefined ? {} : { assets }),
      ...(answers.size === 0 ? {} : { answers: writeAnswers(answers) }),
      sourcemap: bundle.sourcemap
    })
    return {
      file,
      manifest,
      warnings,
      lines: service.evaluation.lines,
      sizes: {
        file: file.length,
        source: bundle.source.length,
        templates: templates?.length ?? 0,
        assets: assets?.length ?? 0,
        sourcemap: bundle.sourcemap.length
      },
      parts
    }
  }

  /** Checks the code of the author. To be called after a build, which writes the types of the templates and knows the stores. */
  checkTypes(signal?: AbortSignal): Promise<Checked> {
    return checkTypes(this.project, this.stores, this.sourceText(), signal)
  }

  async close(): Promise<void> {
    await this.bundler.close()
  }

  /** Bundles and evaluates. Templates that do not even parse are reported together with what is wrong here. */
  private async evaluate(files: ReadonlyArray<TemplateFile>, source: SourceText): Promise<{ bundle: Bundle; service: EvaluatedService }> {
    try {
      const bundle = await this.bundler.bundle()
      return { bundle, service: evaluateBundle(this.project, bundle, source) }
    } catch (error) {
      const issues = issuesOf(error)
      if (issues === undefined) throw error
      const unreadable = compileTemplates(files, []).issues.filter(
        ({ code }) => code === "syntax" || code === "unclosed" || code === "mismatched-close"
      )
      throw invalidService([...issues, ...unreadable.map(templateIssue)])
    }
  }

  private sourceText(): SourceText {
    const texts = new Map<string, string | undefined>()
    return (file) => {
      if (!texts.has(file)) texts.set(file, readText(this.project.folder, file))
      return texts.get(file)
    }
  }
}

function templateIssue({
  file,
  line,
  column,
  message,
  frame
}: {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
  readonly frame: string
}): BuildIssue {
  return { kind: "template", file, line, column, message, frame }
}
