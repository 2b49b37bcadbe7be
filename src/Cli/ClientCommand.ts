/** `planck client`: what others need to talk to a service, from its manifest: a client in TypeScript, or an OpenAPI document. */
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { openApiOf } from "../Client/OpenApi.ts"
import { typeScriptClient } from "../Client/TypeScript.ts"
import { readAnswers } from "../Wasm/Answered.ts"
import { inspectFile } from "../Wasm/Inspect.ts"
import { about, Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { readModule } from "./ServeCommand.ts"

export interface ClientCommandOptions {
  readonly source: string
  readonly format: "typescript" | "openapi"
  readonly server: string
  /** The file to write; standard output otherwise. */
  readonly out: string | undefined
  readonly output: Output
}

export const client = Effect.fn("Cli.client")(function* (options: ClientCommandOptions) {
  const { format, out, output, server, source } = options
  const module = yield* Effect.flatMap(readModule(source), (bytes) =>
    inspectFile(bytes).pipe(Effect.mapError((error) => about(source, error)))
  )
  const { manifest } = module
  const answers = readAnswers(module.answers)
  const text =
    format === "openapi" ? `${JSON.stringify(openApiOf(manifest, server, answers), undefined, 2)}\n` : typeScriptClient(manifest, answers)
  if (out === undefined) return yield* say(output, text.trimEnd(), { format, text })
  yield* Effect.try({
    try: () => writeFileSync(out, text),
    catch: (error) => new Failure({ code: "NotWritten", message: `${out}: ${error instanceof Error ? error.message : String(error)}` })
  })
  yield* say(output, out, { format, file: out })
})
