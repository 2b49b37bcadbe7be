/**
 * The `planck` command. Each verb lives in a file of its own, loaded only when it is called: `planck --help` must not load the engine.
 *
 * Invariants
 * - Exit code 0: done (a server that was asked to stop included). 1: not done, and standard error says why. 2: wrong usage.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Failure, failureOf } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { sayFailure } from "./Output.ts"
import { VERSION } from "./Version.ts"

const EXIT_USAGE = 2
const EXIT_FAILED = 1

const root = Command.make("planck").pipe(
  Command.withSharedFlags({
    json: Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Answer in JSON, one value a line")),
    config: Flag.String("config").pipe(
      Flag.withAlias("c"),
      Flag.optional,
      Flag.withDescription("Configuration file instead of planck.yaml of the folder")
    )
  }),
  Command.withDescription("Document database, web server, WASM runtime and template engine in one process")
)

const create = Command.make(
  "new",
  {
    folder: Argument.String("folder").pipe(Argument.withDescription("The new folder; its name is the service's")),
    shape: Flag.Literals("shape", ["scs", "monolith", "microservice"]).pipe(
      Flag.withDefault("scs"),
      Flag.withDescription("A self-contained system with pages, a monolith of several domains, or a JSON service with its page apart")
    ),
    client: Flag.Literals("client", ["htmx", "datastar", "alpine", "none"]).pipe(
      Flag.withDefault("htmx"),
      Flag.withDescription("The browser's library in the pages")
    )
  },
  ({ client, folder, shape }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./NewCommand.ts")),
        (command) => command.create({ folder, shape, client, output: { json } })
      )
    )
).pipe(Command.withDescription("Write a project that runs: source, templates, tests"))

const folder = Argument.String("folder").pipe(Argument.withDescription("Folder of the service"), Argument.withDefault("."))
const port = Flag.Int("port").pipe(Flag.withAlias("p"), Flag.optional, Flag.withDescription("Port to listen on, over the configuration"))
const dir = Flag.String("dir").pipe(Flag.optional, Flag.withDescription("Directory of the data, over the configuration"))

const build = Command.make(
  "build",
  {
    folder,
    out: Flag.String("out").pipe(
      Flag.withAlias("o"),
      Flag.optional,
      Flag.withDescription("File to write; <folder>/dist/<name>.wasm otherwise")
    )
  },
  ({ folder, out }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./BuildCommand.ts")),
        (command) => command.build({ folder, out: Option.getOrUndefined(out), output: { json } })
      )
    )
).pipe(Command.withDescription("Build a service into one .wasm"))

const dev = Command.make("dev", { folder, port, dir }, ({ folder, port, dir }) =>
  verb(({ json, config }) =>
    Effect.flatMap(
      Effect.promise(() => import("./DevCommand.ts")),
      (command) => command.dev({ folder, port: Option.getOrUndefined(port), dir: Option.getOrUndefined(dir), config, output: { json } })
    )
  )
).pipe(Command.withDescription("Build, serve, and do both again at every change; the data stays"))

const serve = Command.make(
  "serve",
  {
    source: Argument.String("source").pipe(
      Argument.withDescription("A .wasm, or the folder of a service; the one of planck.yaml otherwise"),
      Argument.optional
    ),
    port,
    dir
  },
  ({ source, port, dir }) =>
    verb(({ json, config }) =>
      Effect.flatMap(
        Effect.promise(() => import("./ServeCommand.ts")),
        (command) =>
          command.serve({
            source: Option.getOrUndefined(source),
            port: Option.getOrUndefined(port),
            dir: Option.getOrUndefined(dir),
            config,
            output: { json }
          })
      )
    )
).pipe(Command.withDescription("Serve a service until SIGTERM or SIGINT"))

const test = Command.make(
  "test",
  {
    folder,
    filters: Argument.String("filter").pipe(Argument.withDescription("Parts of names of test files; all otherwise"), Argument.variadic()),
    watch: Flag.Boolean("watch").pipe(Flag.withDefault(false), Flag.withDescription("Run them again whenever a file changes"))
  },
  ({ filters, folder, watch }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./TestCommand.ts")),
        (command) => command.test({ folder, filters, watch, output: { json } })
      )
    )
).pipe(Command.withDescription("Run the tests of a service"))

const client = Command.make(
  "client",
  {
    source: Argument.String("source").pipe(Argument.withDescription("A built .wasm, or the folder of a service")),
    format: Flag.Literals("format", ["typescript", "openapi"]).pipe(
      Flag.withDefault("typescript"),
      Flag.withDescription("A module over fetch, or an OpenAPI 3.1 document")
    ),
    server: Flag.String("server").pipe(Flag.withDefault("http://localhost:3000"), Flag.withDescription("Address in the OpenAPI document")),
    out: Flag.String("out").pipe(Flag.withAlias("o"), Flag.optional, Flag.withDescription("File to write; standard output otherwise"))
  },
  ({ format, out, server, source }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./ClientCommand.ts")),
        (command) => command.client({ source, format, server, out: Option.getOrUndefined(out), output: { json } })
      )
    )
).pipe(Command.withDescription("Write a typed client of a service, or its OpenAPI document"))

const directory = Argument.String("directory").pipe(Argument.withDescription("Directory of the data"))
const service = Flag.String("service").pipe(Flag.optional, Flag.withDescription("Whose data, when the directory holds several services'"))

const inspect = Command.make(
  "inspect",
  {
    file: Argument.String("file").pipe(Argument.withDescription("A built .wasm, a directory of data, or a file in it")),
    service,
    at: Flag.Int("at").pipe(Flag.optional, Flag.withDescription("Offset in a file of data to begin at")),
    limit: Flag.Int("limit").pipe(Flag.optional, Flag.withDescription("Pages, entries or records of a file to show; 20 otherwise"))
  },
  ({ at, file, limit, service }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./InspectCommand.ts")),
        (command) =>
          command.inspect({
            path: file,
            service: Option.getOrUndefined(service),
            at: Option.getOrUndefined(at),
            limit: Option.getOrUndefined(limit),
            output: { json }
          })
      )
    )
).pipe(Command.withDescription("Show what a built service, a directory of data or a file in it holds"))

const extended = Flag.Boolean("extended").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Rows as Extended JSON, which keeps every type")
)

const query = Command.make(
  "query",
  {
    directory,
    statement: Argument.String("pql").pipe(Argument.withDescription("A statement, like 'orders.filter(total > 10).limit(5)'")),
    service,
    extended,
    param: Flag.KeyValuePair("param").pipe(Flag.withDefault({}), Flag.withDescription("Value of a $name in the statement; JSON or text"))
  },
  ({ directory, extended, statement, service, param }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./QueryCommand.ts")),
        (command) =>
          command.query({ directory, statement, service: Option.getOrUndefined(service), parameters: param, extended, output: { json } })
      )
    )
).pipe(Command.withDescription("Run a statement on the data of a stopped server, or one that reads beside a running one"))

const shell = Command.make("shell", { directory, service, extended }, ({ directory, extended, service }) =>
  verb(() =>
    Effect.flatMap(
      Effect.promise(() => import("./ShellCommand.ts")),
      (command) => command.shell({ directory, service: Option.getOrUndefined(service), extended })
    )
  )
).pipe(Command.withDescription("Give statements one after another; beside a running server those that read"))

const advise = Command.make(
  "advise",
  { directory, service, limit: Flag.Int("limit").pipe(Flag.optional, Flag.withDescription("Most statements to show; 20 otherwise")) },
  ({ directory, limit, service }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./AdviseCommand.ts")),
        (command) =>
          command.advise({ directory, service: Option.getOrUndefined(service), limit: Option.getOrUndefined(limit), output: { json } })
      )
    )
).pipe(Command.withDescription("Name the statements that cost most and the indexes they miss, also of a running server"))

const fmt = Command.make(
  "fmt",
  {
    paths: Argument.String("path").pipe(Argument.withDescription("Folders and templates; this folder otherwise"), Argument.variadic()),
    check: Flag.Boolean("check").pipe(Flag.withDefault(false), Flag.withDescription("Change nothing; fail when something would change"))
  },
  ({ paths, check }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./FormatCommand.ts")),
        (command) => command.format({ paths: paths.length === 0 ? ["."] : paths, check, output: { json } })
      )
    )
).pipe(Command.withDescription("Format templates"))

const verify = Command.make("verify", { directory, service }, ({ directory, service }) =>
  verb(({ json }) =>
    Effect.flatMap(
      Effect.promise(() => import("./VerifyCommand.ts")),
      (command) => command.verify({ directory, service: Option.getOrUndefined(service), output: { json } })
    )
  )
).pipe(Command.withDescription("Check every page, entry and record of a stopped server's data"))

const FORMATS = ["ndjson", "bson", "csv"] as const

const dump = Command.make(
  "dump",
  {
    directory,
    folder: Argument.String("folder").pipe(
      Argument.withDescription("Where to write: a new folder, or one of a dump that ended early; standard output otherwise"),
      Argument.optional
    ),
    service,
    store: Flag.String("store").pipe(Flag.between(0, 1000), Flag.withDescription("A store to dump; all of them otherwise")),
    format: Flag.Literals("format", FORMATS).pipe(Flag.withDefault("ndjson"), Flag.withDescription("ndjson (Extended JSON), bson or csv"))
  },
  ({ directory, folder, format, service, store }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./DumpCommand.ts")),
        (command) =>
          command.dump({
            directory,
            folder: Option.getOrUndefined(folder),
            service: Option.getOrUndefined(service),
            stores: store,
            format,
            output: { json }
          })
      )
    )
).pipe(Command.withDescription("Write the documents of a stopped server's data as NDJSON, BSON or CSV"))

const load = Command.make(
  "load",
  {
    directory,
    source: Argument.String("source").pipe(Argument.withDescription("A folder that dump wrote, a file, or - for standard input")),
    service,
    store: Flag.String("store").pipe(Flag.optional, Flag.withDescription("The store to load a file into")),
    format: Flag.Literals("format", FORMATS).pipe(Flag.optional, Flag.withDescription("What a file is; what its name ends with otherwise")),
    replace: Flag.Boolean("replace").pipe(Flag.withDefault(false), Flag.withDescription("Replace documents with the same _id")),
    fresh: Flag.Boolean("from-start").pipe(Flag.withDefault(false), Flag.withDescription("Do not go on where an earlier load ended")),
    rejects: Flag.String("rejects").pipe(Flag.optional, Flag.withDescription("A file for bad rows; without it the first one ends the load"))
  },
  ({ directory, format, fresh, rejects, replace, service, source, store }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./LoadCommand.ts")),
        (command) =>
          command.load({
            directory,
            source,
            service: Option.getOrUndefined(service),
            store: Option.getOrUndefined(store),
            format: Option.getOrUndefined(format),
            replaces: replace,
            isFresh: fresh,
            rejects: Option.getOrUndefined(rejects),
            output: { json }
          })
      )
    )
).pipe(Command.withDescription("Bring documents into a stopped server's data; goes on where it ended early"))

const backup = Command.make(
  "backup",
  {
    directory,
    target: Argument.String("target").pipe(Argument.withDescription("Directory of the backups; what is there already is not copied again")),
    service
  },
  ({ directory, service, target }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./BackupCommand.ts")),
        (command) => command.backup({ directory, target, service: Option.getOrUndefined(service), output: { json } })
      )
    )
).pipe(Command.withDescription("Copy the data as of one commit, also of a running server"))

const restore = Command.make(
  "restore",
  {
    source: Argument.String("source").pipe(Argument.withDescription("Directory of the backups")),
    directory: Argument.String("directory").pipe(Argument.withDescription("Directory of the new database, empty or not there")),
    number: Flag.Int("number").pipe(Flag.optional, Flag.withDescription("Which backup; the newest otherwise"))
  },
  ({ directory, number, source }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./BackupCommand.ts")),
        (command) => command.restore({ source, directory, number: Option.getOrUndefined(number), output: { json } })
      )
    )
).pipe(Command.withDescription("Make a database from a backup"))

const compact = Command.make("compact", { directory, service }, ({ directory, service }) =>
  verb(({ json }) =>
    Effect.flatMap(
      Effect.promise(() => import("./CompactCommand.ts")),
      (command) => command.compact({ directory, service: Option.getOrUndefined(service), output: { json } })
    )
  )
).pipe(Command.withDescription("Give back the space of replaced and removed documents, also while a server runs"))

const migrate = Command.make(
  "migrate",
  {
    directory,
    source: Argument.String("service").pipe(Argument.withDescription("The service whose versions are wanted: a .wasm or a folder")),
    service,
    backFrom: Flag.String("back-from").pipe(Flag.optional, Flag.withDescription("A later version, which says how documents get back")),
    plan: Flag.Boolean("plan").pipe(Flag.withDefault(false), Flag.withDescription("Say what that would come to, and change nothing"))
  },
  ({ backFrom, directory, plan, service, source }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./MigrateCommand.ts")),
        (command) =>
          command.migrate({
            directory,
            source,
            plan,
            service: Option.getOrUndefined(service),
            backFrom: Option.getOrUndefined(backFrom),
            output: { json }
          })
      )
    )
).pipe(Command.withDescription("Bring a stopped server's documents to the versions of a service, or say what that would come to"))

const repair = Command.make(
  "repair",
  {
    directory,
    service,
    dryRun: Flag.Boolean("dry-run").pipe(Flag.withDefault(false), Flag.withDescription("Say what would be lost, and change nothing")),
    yes: Flag.Boolean("yes").pipe(Flag.withAlias("y"), Flag.withDefault(false), Flag.withDescription("Do not ask")),
    keepUncertain: Flag.Boolean("keep-uncertain").pipe(
      Flag.withDefault(false),
      Flag.withDescription("Keep documents that may have been removed or replaced by what cannot be read; set aside otherwise")
    )
  },
  ({ directory, dryRun, keepUncertain, service, yes }) =>
    verb(({ json }) =>
      Effect.flatMap(
        Effect.promise(() => import("./RepairCommand.ts")),
        (command) =>
          command.repair({
            directory,
            service: Option.getOrUndefined(service),
            isDry: dryRun,
            isSure: yes,
            keepsUncertain: keepUncertain,
            output: { json }
          })
      )
    )
).pipe(Command.withDescription("Make a stopped server's damaged data whole from what can be read; says what is lost, and asks"))

interface SharedFlags {
  readonly json: boolean
  readonly config: string | undefined
}

/** Runs a verb with the shared flags; whatever it fails with becomes a failure that has been said. */
const verb = <E, R>(run: (flags: SharedFlags) => Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const flags = yield* root
    const shared = { json: flags.json, config: Option.getOrUndefined(flags.config) }
    yield* run(shared).pipe(
      Effect.mapError(failureOf),
      Effect.tapError((failure: Failure) => sayFailure(shared, failure))
    )
  })

const planck = Command.runWith(
  root.pipe(
    Command.withSubcommands([
      create,
      build,
      dev,
      test,
      client,
      fmt,
      serve,
      inspect,
      query,
      shell,
      advise,
      verify,
      dump,
      load,
      backup,
      restore,
      compact,
      migrate,
      repair
    ])
  ),
  {
    version: VERSION
  }
)

/** The whole command line, for `main` and for tests; see `exitCode`. */
export const cli = (argv: ReadonlyArray<string>) =>
  planck(argv).pipe(Effect.provideService(CliOutput.Presenter, presenter({ json: argv.includes("--json") })))

/** Wrong usage is said on standard error, in a line or two: the help is asked for with `--help`. */
const presenter = (output: Output): CliOutput.Presenter => ({
  present: (event) => {
    if (event._tag === "Version" || (event._tag === "Help" && event.reason === "Requested"))
      return CliOutput.defaultPresenter.present(event)
    const command = event.commandPath.join(" ")
    const errors = event._tag === "InvalidInvocation" ? event.errors.map((error) => error.message) : ["a verb is missing"]
    const message = output.json ? errors.join("; ") : `${errors.join("\nplanck: ")}\nSee ${command} --help`
    return sayFailure(output, new Failure({ code: "WrongUsage", message }))
  }
})

/** Runs the command and ends the process with its exit code. */
export function main(argv: ReadonlyArray<string>): void {
  stopWithLauncher()
  const program = cli(argv).pipe(Effect.provide(NodeServices.layer.pipe(Layer.orDie)), Effect.tapCause(sayDefect))
  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(exitCode(exit))
  })
}

/** A stop that was asked for by a signal is a success: requests were drained and the log was closed. */
export function exitCode(exit: Exit.Exit<unknown, unknown>): number {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return 0
  return CliError.isCliError(Cause.squash(exit.cause)) ? EXIT_USAGE : EXIT_FAILED
}

/** A defect is ours: it is shown whole, so that it can be reported. */
const sayDefect = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.hasDies(cause) ? Effect.logError("planck failed in a way it should not; please report this", cause) : Effect.void

/** When the launcher (scripts/run.mjs) is killed outright, its channel closes: stop as at a signal, so that no orphan keeps the lock. */
function stopWithLauncher(): void {
  if (process.channel === undefined || process.channel === null) return
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"))
  process.channel.unref?.()
}
