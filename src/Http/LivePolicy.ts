/**
 * A page's Content-Security-Policy with room for the script that follows the build, and for nothing else.
 *
 * Invariant: what the policy refuses of the service's own is refused still: only two exact addresses are added, or a nonce where the policy
 * takes no addresses. A page that may run no script at all under production may run none of its own here either.
 */
export interface PolicyRoom {
  /** Sources as a policy names them: host and path, without a scheme. */
  readonly script: string
  readonly events: string
  /** Where a policy goes by trust and not by address. */
  readonly nonce: string
}

interface Directive {
  readonly name: string
  readonly sources: ReadonlyArray<string>
}

/** The policies in a header field's value, widened. */
export function widenPolicies(value: string, room: PolicyRoom): string {
  return value
    .split(",")
    .map((policy) => widen(policy, room))
    .join(",")
}

function widen(policy: string, room: PolicyRoom): string {
  const directives = policy
    .split(";")
    .map((text) => text.trim().split(/\s+/))
    .filter(([name = ""]) => name !== "")
    .map(([name = "", ...sources]): Directive => ({ name: name.toLowerCase(), sources }))
  const scripts = allow(directives, ["script-src-elem", "script-src", "default-src"], (sources) =>
    sources.some((source) => source.toLowerCase() === "'strict-dynamic'") ? `'nonce-${room.nonce}'` : room.script
  )
  const connections = allow(scripts, ["connect-src", "default-src"], () => room.events)
  return connections.map(({ name, sources }) => [name, ...sources].join(" ")).join("; ")
}

/**
 * The directives with one source more where it decides: in the first of `names` that there is. When that is `default-src`, a directive of its
 * own gets the same sources and the new one, so that nothing else is let through. Without any of them everything is allowed already.
 */
function allow(
  directives: ReadonlyArray<Directive>,
  names: ReadonlyArray<string>,
  source: (present: ReadonlyArray<string>) => string
): ReadonlyArray<Directive> {
  const name = names.find((wanted) => directives.some((directive) => directive.name === wanted))
  const found = directives.find((directive) => directive.name === name)
  if (found === undefined) return directives
  const widened = [...found.sources.filter((text) => text.toLowerCase() !== "'none'"), source(found.sources)]
  if (found.name !== "default-src") return directives.map((directive) => (directive === found ? { ...found, sources: widened } : directive))
  // The name before the last is the one that is usual for the kind: `script-src`, `connect-src`.
  return [...directives, { name: names.at(-2) ?? "default-src", sources: widened }]
}
