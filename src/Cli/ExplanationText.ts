/** A plan for a person: what `explain` answers, in lines. */
import type { ActualRun, Explanation } from "../Query/Explanation.ts"
import { counted, sized } from "./Words.ts"

const ORDERINGS: Readonly<Record<Explanation["ordering"], string>> = {
  walk: "as the access gives it",
  ties: "as the access gives it; what sorts alike is sorted by key",
  keys: "keys are sorted before documents are read",
  sort: "rows are sorted",
  any: "of no matter"
}

/** Lines such as `access     index byCustomer`, one for each thing that is known of the plan. */
export function explanationText(explanation: Explanation): ReadonlyArray<string> {
  const { access, actual, bounds, covering, estimatedReads, estimatedRows, index, ordering, parts, rejected, residual, streaming } =
    explanation
  const lines: Array<readonly [name: string, text: string]> = [["access", index?.backwards === true ? `${access}, backwards` : access]]
  for (const part of parts ?? []) lines.push(["", `${part.access}: ${part.bounds.join(" and ")}`])
  if (bounds.length > 0) lines.push(["by index", bounds.join(" and ")])
  if (residual.length > 0) lines.push(["tested", residual.join(" and ")])
  lines.push(["order", ORDERINGS[ordering]])
  if (covering === true) lines.push(["covering", "entries of the index have all that is asked for"])
  if (streaming === true) lines.push(["streaming", "groups are computed one after another"])
  const basis = explanation.documents === undefined ? "a rule of thumb" : `of ${counted(explanation.documents, "document")}`
  lines.push(["estimated", `${counted(Math.round(estimatedRows), "row")}, ${counted(Math.round(estimatedReads), "read")} (${basis})`])
  if (actual !== undefined) lines.push(["actual", actualText(actual)])
  for (const [place, { access: other, reason }] of rejected.entries()) lines.push([place === 0 ? "not taken" : "", `${other}: ${reason}`])
  return lines.map(([name, text]) => `${name.padEnd(10)} ${text}`)
}

function actualText({ budget, bytesRead, documentsRead, elapsedMs, indexKeysRead, rows }: ActualRun): string {
  return [
    counted(rows, "row"),
    `${counted(indexKeysRead, "index key")} and ${counted(documentsRead, "document")} read (${sized(bytesRead)})`,
    ...(elapsedMs === undefined ? [] : [`${elapsedMs.toPrecision(3)} ms`]),
    ...(budget === undefined ? [] : [`ended by ${budget}`])
  ].join(", ")
}
