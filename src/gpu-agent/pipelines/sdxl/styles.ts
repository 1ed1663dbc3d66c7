import type { StyleTemplate } from "./settings.ts"

/** `style` of a job: a template by the name that the manifest gives it. */

export interface Styled {
  readonly prompt: string
  readonly negativePrompt: string | undefined
  readonly warnings: ReadonlyArray<string>
}

export interface Unstyled {
  readonly prompt: string
  readonly negativePrompt: string | undefined
  readonly style: string | undefined
}

const keyOf = (style: string): string => style.trim().toLowerCase().replaceAll(/[\s_]+/g, "-")

const joined = (...parts: ReadonlyArray<string | undefined>): string => parts.filter((part) => part !== undefined && part !== "").join(", ")

/** A style that the model has no template for is put behind the prompt as it stands, with a warning that names those it has. */
export const applyStyle = ({ negativePrompt, prompt, style }: Unstyled, styles: Readonly<Record<string, StyleTemplate>>): Styled => {
  if (style === undefined || style.trim() === "") return { prompt, negativePrompt, warnings: [] }
  const key = keyOf(style)
  const template = Object.hasOwn(styles, key) ? styles[key] : undefined
  if (template === undefined) {
    const known = Object.keys(styles).join(", ")
    return { prompt: joined(prompt, style), negativePrompt, warnings: [`There is no style "${style}", so its words were added to the prompt. Styles: ${known}.`] }
  }
  return {
    prompt: template.prompt.replaceAll("{prompt}", () => prompt),
    negativePrompt: template.negative_prompt === "" ? negativePrompt : joined(negativePrompt, template.negative_prompt),
    warnings: []
  }
}
