/** The templates of a module: section `planck.templates`, read, checked and made ready. */
import { readUtf8 } from "../Bson/Utf8.ts"
import { Fault } from "../Fault/Fault.ts"
import { admitTemplates, prepare, type Renderer } from "../Template/Template.ts"
import { Section } from "./Abi.ts"
import { refusal } from "./Reasons.ts"

const NO_TEMPLATES: unknown = { version: 1, templates: [] }

/** Makes the renderer of a module; one without the section has no templates. Throws a Fault `InvalidSection`. */
export function readTemplates(section: Uint8Array | undefined, outputBytesMax: number, mountPath = ""): Renderer {
  return prepare(admit(section === undefined ? NO_TEMPLATES : parse(section)), { outputBytesMax, mountPath })
}

function admit(data: unknown): ReturnType<typeof admitTemplates> {
  try {
    return admitTemplates(data)
  } catch (error) {
    if (error instanceof Fault && error.reason._tag === "InvalidTemplateSet") throw invalid(error.message)
    throw error
  }
}

function parse(section: Uint8Array): unknown {
  try {
    return JSON.parse(readUtf8(section, 0, section.length)) as unknown
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error))
  }
}

function invalid(message: string): Error {
  return refusal({ _tag: "InvalidSection", section: Section.templates, message: `section ${Section.templates}: ${message}` })
}
