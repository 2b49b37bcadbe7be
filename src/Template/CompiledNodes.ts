/** Collects compiled nodes; neighbouring texts become one. */
import type { CompiledExpression, CompiledNode } from "./Compiled.ts"

export class CompiledNodes {
  readonly nodes: Array<CompiledNode> = []

  text(text: string): void {
    if (text === "") return
    const last = this.nodes.at(-1)
    if (last?.node === "text") this.nodes[this.nodes.length - 1] = { node: "text", text: last.text + text }
    else this.nodes.push({ node: "text", text })
  }

  /** A value; a literal one becomes text at once. */
  print(value: CompiledExpression): void {
    if (value.op !== "literal") this.nodes.push({ node: "print", value })
    else if (value.value !== null) this.text(escapeText(String(value.value)))
  }

  add(node: CompiledNode): void {
    this.nodes.push(node)
  }

  append(other: CompiledNodes): void {
    for (const node of other.nodes) {
      if (node.node === "text") this.text(node.text)
      else this.nodes.push(node)
    }
  }
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }

/** The five signs that mean something in texts and attribute values, as character references. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => escapes[sign] ?? sign)
}
