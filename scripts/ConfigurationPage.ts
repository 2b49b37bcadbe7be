/** The reference page of the configuration, from the table itself, so that it cannot be wrong. */
import { namedSettings } from "../src/Config/Settings.ts"

const INTRODUCTION = `# Configuration

\`planck.yaml\` in the folder of the service, or the file named by \`--config\` or \`PLANCK_CONFIG\`. An environment variable wins over the file, the file over the default.
Sizes may be written in bytes or as \`64MiB\`, times in milliseconds or as \`5s\`. A wrong key or value is refused with file, line and what was expected.

\`\`\`yaml
dir: data
http:
  port: 8080
  bodyBytesMax: 2MiB
services:
  shop:
    source: ./shop        # folder or .wasm
    mount: /shop          # its place among several; without it /<name>, and for the only one everything
    config:               # what the service's manifest asks for
      taxRate: 0.19
\`\`\`

A value of a service's own configuration may also come from \`PLANCK_<SERVICE>_<NAME>\`.

| key | variable | default | accepted | what it is |
|---|---|---|---|---|
`

/** The whole page as Markdown. */
export function configurationPage(): string {
  const rows = namedSettings.map(
    ({ key, variable, setting }) =>
      `| \`${key}\` | \`${variable}\` | ${setting.defaultText ?? String(setting.default)} | ${setting.expected} | ${setting.description} |`
  )
  return `${INTRODUCTION}${rows.join("\n")}\n`
}
