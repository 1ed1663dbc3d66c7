import { Template } from "@huggingface/jinja"

export interface ChatMessage {
  readonly role: "user" | "assistant"
  readonly content: string
}

export interface SpecialTokens {
  readonly bos_token: string
  readonly eos_token: string
}

/** The text that a model was trained to answer. Throws what the template raises, such as roles that do not alternate. */
export type RenderChat = (messages: ReadonlyArray<ChatMessage>) => string

/** `source`: a Jinja template as tokenizers carry it. Throws when it is not one. */
export const chatTemplate = (source: string, tokens: SpecialTokens): RenderChat => {
  const template = new Template(source)
  return (messages) => template.render({ ...tokens, messages: [...messages], add_generation_prompt: true })
}
