import { type RequestContext, tokenizerOf, tokenTexts } from "../context.ts";
import { conversationOf } from "../conversation.ts";
import { badField } from "../errors.ts";
import type { DetokenizeRequest, TokenizeRequest } from "../schemas/tokens.ts";
import { withLease } from "../with-lease.ts";

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** POST /tokenize */
export async function tokenize(body: TokenizeRequest, context: RequestContext): Promise<object> {
  const {
    prompt,
    messages,
    tools,
    add_special_tokens: special,
    add_generation_prompt,
    return_token_strs: withTexts,
  } = body;
  if ((prompt === undefined) === (messages === undefined)) throw badField("prompt", "give one of prompt and messages");
  return withLease(body.model ?? context.models.first, context, async (lease) => {
    const { model } = lease;
    const tokenizer = tokenizerOf(model);
    const tokens = messages
      ? conversationOf({ messages, tools, add_generation_prompt }, lease).ids
      : tokenizer.encode(prompt as string, { addSpecialTokens: special ?? true }).ids;
    const texts = tokenTexts(model);
    const strings = withTexts ? tokens.map((id) => texts.of(id)) : null;
    return { tokens, count: tokens.length, max_model_len: finite(model.contextWindow), token_strs: strings };
  });
}

/** POST /detokenize */
export async function detokenize(body: DetokenizeRequest, context: RequestContext): Promise<object> {
  return withLease(body.model ?? context.models.first, context, async ({ model }) => ({
    prompt: tokenizerOf(model).decode(body.tokens),
  }));
}

/** GET /tokenizer_info */
export async function tokenizerInfo(
  _: never,
  context: RequestContext,
  { model: name }: Readonly<Record<string, string>>,
): Promise<object> {
  return withLease(name ?? context.models.first, context, async ({ model }) => {
    const tokenizer = tokenizerOf(model);
    const token = (role: "bos_token" | "eos_token" | "pad_token" | "unk_token"): string | null => {
      const id = tokenizer.specialId(role);
      return id === undefined ? null : (tokenizer.token(id) ?? null);
    };
    return {
      tokenizer_class: tokenizer.className ?? null,
      vocab_size: tokenizer.vocabularySize,
      model_max_length: finite(model.contextWindow),
      chat_template: tokenizer.chatTemplate ?? null,
      bos_token: token("bos_token"),
      eos_token: token("eos_token"),
      pad_token: token("pad_token"),
      unk_token: token("unk_token"),
    };
  });
}
