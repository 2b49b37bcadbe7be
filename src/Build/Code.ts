/**
 * The author's code as the compiler understands it: its files, its calls, and of which kind the value of an expression is.
 *
 * Invariants
 * - Packages, the SDK and declarations are no part of it: what is found here can be mended by the author.
 * - Every question about many nodes is asked at once: the compiler is another process.
 */
import type {
  CallExpression,
  Expression,
  FunctionLikeDeclaration,
  Identifier,
  Node,
  PropertyAccessExpression,
  SourceFile
} from "typescript/unstable/ast"
import type { Project as CompiledProject, Symbol as CodeSymbol, Type } from "typescript/unstable/async"
import type * as TypeScriptAst from "typescript/unstable/ast"
import { relative } from "node:path"
import { type BuildIssue, issueAt, type SourceText } from "./Issue.ts"
import { posix, type Project } from "./Project.ts"

/** How far a name is followed to what it was declared as. */
const FOLLOWED_MAX = 8

/** The class or interface of a value, and whose it is. */
export interface Kind {
  readonly name: string
  readonly owner: "sdk" | "author" | "other"
}

/** A file of the author, its nodes in the order of their places. */
export interface CodeFile {
  /** Relative to the service's folder. */
  readonly path: string
  readonly source: SourceFile
  readonly nodes: ReadonlyArray<Node>
}

/** The compiler's functions about nodes. */
export type Ast = typeof TypeScriptAst

export type FunctionNode = FunctionLikeDeclaration & { readonly body: Node }

export class Code {
  readonly files: ReadonlyArray<CodeFile>
  readonly ast: Ast
  private readonly project: CompiledProject
  private readonly folder: string
  private readonly kinds = new Map<number, Kind | undefined>()

  private constructor(project: CompiledProject, folder: string, ast: Ast, files: ReadonlyArray<CodeFile>) {
    this.project = project
    this.folder = folder
    this.ast = ast
    this.files = files
  }

  /** Reads the code of a project that is open in the compiler. */
  static async read(project: CompiledProject, { folder }: Project): Promise<Code> {
    const ast = await import("typescript/unstable/ast")
    const names = (await project.program.getSourceFileNames()).filter((name) => isAuthors(name, folder))
    const sources = await Promise.all(names.map((name) => project.program.getSourceFile(name)))
    const files = sources
      .filter((source) => source !== undefined)
      .map((source) => ({
        path: posix(relative(folder, source.fileName)),
        source,
        nodes: nodesOf(source)
      }))
    return new Code(project, folder, ast, files)
  }

  get checker(): CompiledProject["checker"] {
    return this.project.checker
  }

  /** The nodes of all files for which `isOne` holds. */
  all<Found extends Node>(isOne: (node: Node) => node is Found): ReadonlyArray<Found> {
    return this.files.flatMap(({ nodes }) => nodes.filter(isOne))
  }

  /** The types of expressions, one for one. */
  async typesOf(nodes: ReadonlyArray<Node>): Promise<ReadonlyArray<Type | undefined>> {
    return nodes.length === 0 ? [] : this.checker.getTypeAtLocation(nodes)
  }

  /** The kinds of what expressions give, one for one; undefined for what is of no named kind. */
  async kindsOf(nodes: ReadonlyArray<Node>): Promise<ReadonlyArray<Kind | undefined>> {
    const types = await this.typesOf(nodes)
    return Promise.all(types.map((type) => (type === undefined ? undefined : this.kindOf(type))))
  }

  async kindOf(type: Type): Promise<Kind | undefined> {
    const known = this.kinds.get(type.id)
    if (known !== undefined || this.kinds.has(type.id)) return known
    const own = await type.getSymbol()
    const symbol = own === undefined || own.name.startsWith("__") ? ((await type.getAliasSymbol()) ?? own) : own
    const kind = symbol === undefined ? undefined : { name: symbol.name, owner: this.ownerOf(symbol) }
    this.kinds.set(type.id, kind)
    return kind
  }

  /** What an identifier or the name of a member stands for, if it is a function of the author. */
  async functionOf(name: Node): Promise<FunctionNode | undefined> {
    let node: Node | undefined = name
    for (let step = 0; step < FOLLOWED_MAX && node !== undefined; step++) {
      if (this.isFunction(node)) return node
      const at: Node | undefined = this.nameOf(node)
      node = at === undefined ? undefined : await this.declarationOf(at)
    }
    return undefined
  }

  /** Whether a node is a function with a body. */
  isFunction(node: Node): node is FunctionNode {
    return isFunction(node, this.ast)
  }

  /** The calls of a member among nodes: `value.name(…)`. */
  memberCalls(names: ReadonlySet<string>, nodes: ReadonlyArray<Node>): ReadonlyArray<MemberCall> {
    return nodes.filter((node): node is MemberCall => isMemberCall(node, this.ast) && names.has(node.expression.name.text))
  }

  /** A mistake at a node. */
  issue(node: Node, message: string, source: SourceText): BuildIssue {
    const file = node.getSourceFile()
    const start = node.getStart(file)
    const { character, line } = file.getLineAndCharacterOfPosition(start)
    const place = { file: posix(relative(this.folder, file.fileName)), line: line + 1, column: character + 1 }
    return issueAt("types", place, message, source, node.getEnd() - start)
  }

  /** `service.ts:12`, for the text of a message. */
  placeOf(node: Node): string {
    const file = node.getSourceFile()
    return `${posix(relative(this.folder, file.fileName))}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`
  }

  /** What a declaration leads to next: the function it is initialised with, or the name it is another name of. */
  private nameOf(node: Node): Node | undefined {
    const { ast } = this
    if (ast.isIdentifier(node)) return node
    if (ast.isPropertyAccessExpression(node)) return node.name
    return undefined
  }

  private async declarationOf(name: Node): Promise<Node | undefined> {
    let symbol = await this.checker.getSymbolAtLocation(name)
    if (symbol !== undefined && (symbol.flags & ALIAS) !== 0) symbol = await this.checker.getAliasedSymbol(symbol)
    if (symbol?.valueDeclaration === undefined || this.ownerOf(symbol) !== "author") return undefined
    const declared = await symbol.valueDeclaration.resolve(this.project)
    if (declared === undefined) return undefined
    const { ast } = this
    if (ast.isVariableDeclaration(declared) || ast.isPropertyAssignment(declared)) return declared.initializer
    return this.isFunction(declared) ? declared : undefined
  }

  private ownerOf(symbol: CodeSymbol): Kind["owner"] {
    const path = symbol.declarations[0]?.path ?? ""
    if (path.includes("/guest/typescript/")) return "sdk"
    return isAuthors(path, this.folder) ? "author" : "other"
  }
}

/** `value.name(…)`. */
export type MemberCall = CallExpression & { readonly expression: PropertyAccessExpression & { readonly name: Identifier } }

export function isMemberCall(node: Node, ast: Ast): node is MemberCall {
  return ast.isCallExpression(node) && ast.isPropertyAccessExpression(node.expression) && ast.isIdentifier(node.expression.name)
}

function isFunction(node: Node, ast: Ast): node is FunctionNode {
  const isLike = [ast.isArrowFunction, ast.isFunctionExpression, ast.isFunctionDeclaration, ast.isMethodDeclaration].some((is) => is(node))
  return isLike && (node as Partial<FunctionNode>).body !== undefined
}

/** Nodes within this one, itself included, in the order of their places. */
export function nodesOf(root: Node): ReadonlyArray<Node> {
  const found: Node[] = []
  const visit = (node: Node): void => {
    found.push(node)
    node.forEachChild(visit)
  }
  visit(root)
  return found
}

/** What a function gives: the expressions behind its own `return`s, or its body where that is an expression. */
export function resultsOf(node: FunctionNode, ast: Ast): ReadonlyArray<Expression> {
  if (!ast.isBlock(node.body)) return [node.body as Expression]
  const found: Expression[] = []
  const visit = (inner: Node): void => {
    if (isFunction(inner, ast)) return
    if (ast.isReturnStatement(inner) && inner.expression !== undefined) found.push(inner.expression)
    inner.forEachChild(visit)
  }
  node.body.forEachChild(visit)
  return found
}

/** `SymbolFlags.Alias`: a name that was imported. */
const ALIAS = 1 << 21

function isAuthors(path: string, folder: string): boolean {
  return path.startsWith(`${posix(folder)}/`) && !/\/node_modules\/|\/\.planck\/|\.d\.ts$|\/guest\/typescript\//.test(path)
}
