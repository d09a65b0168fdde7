import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { type Message, Tokenizer } from "../../tokenizers/index.ts";
import { conversationRow } from "./conversations.ts";

const json = JSON.parse(readFileSync(fixture("models/llama_chat/tokenizer.json"), "utf8")) as {
  added_tokens: object[];
};
const config = JSON.parse(readFileSync(fixture("models/llama_chat/tokenizer_config.json"), "utf8")) as object;
const [first] = json.added_tokens;

/** A tokenizer that finds more tokens whole, and writes conversations by a template. */
function withTemplate(template: string, ...tokens: string[]): Tokenizer {
  const added = tokens.map((content, i) => ({ ...first, content, id: 5000 + i }));
  return new Tokenizer(
    { ...json, added_tokens: [...json.added_tokens, ...added] },
    { ...config, eos_token: "</s>", chat_template: undefined },
    { default: template },
  );
}

/** The conversation as text, what is learned of it in double brackets. */
function learned(tokenizer: Tokenizer, messages: readonly Message[]): string {
  const { ids, labels } = conversationRow(tokenizer, messages);
  const pieces: { readonly on: boolean; readonly ids: number[] }[] = [];
  for (const [i, id] of ids.entries()) {
    const on = (labels[i] as number) >= 0;
    if (on) expect(labels[i]).toBe(id);
    if (pieces.at(-1)?.on === on) pieces.at(-1)?.ids.push(id);
    else pieces.push({ on, ids: [id] });
  }
  return pieces
    .map((piece) => (piece.on ? `[[${tokenizer.decode(piece.ids)}]]` : tokenizer.decode(piece.ids)))
    .join("");
}

const user = (content: string): Message => ({ role: "user", content });
const said = (content: string): Message => ({ role: "assistant", content });
const two = [user("hello"), said("the cat"), user("and then"), said("it ran home")];

const chatml =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + (m.content or '') }}{% for c in m.tool_calls or [] %}{{ '<call>' + c.name + '</call>' }}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** As Qwen3: earlier turns lose what they thought, the last has a place for it. */
const thinking =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% set c = m.content.split('</think>') %}{% if m.role == 'assistant' and loop.last %}{{ '<think>\n' + (c[0].split('<think>')[-1] | trim if c | length > 1 else '') + '\n</think>\n\n' }}{% endif %}{{ c[-1] | trim + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** As DeepSeek's: the generation prompt begins a thought that conversations do not hold. */
const prompted =
  "{% for m in messages %}{{ '<user>' + m.content if m.role == 'user' else '<assistant>' + m.content.split('</think>')[-1] + '</s>' }}{% endfor %}{% if add_generation_prompt %}{{ '<assistant><think>\n' }}{% endif %}";

/** As Mistral's: the system message stands in the last user message, and only where that is the last of all. */
const moved =
  "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}{% set messages = messages[1:] %}{% endif %}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + (system + '\n\n' if loop.last and system is defined else '') + m.content + '[/INST]' }}{% else %}{{ ' ' + m.content + '</s>' }}{% endif %}{% endfor %}";

/** As Phi-3's: the whole text has an end that no part of it has. */
const closed =
  "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}";

/** As GPT-OSS's: the last answer ends with another token than those before. */
const returned =
  "{% for m in messages %}{{ '<|start|>' + m.role + ('<|channel|>final' if m.role == 'assistant' else '') + '<|message|>' + m.content + ('<|return|>' if loop.last and m.role == 'assistant' else '<|end|>') }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}";

test.each([
  [
    "ChatML",
    chatml,
    two,
    "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n[[the cat<|im_end|>\n]]<|im_start|>user\nand then<|im_end|>\n<|im_start|>assistant\n[[it ran home<|im_end|>\n]]",
  ],
  [
    "one that begins with an answer",
    chatml,
    two.slice(1),
    "<|im_start|>assistant\n[[the cat<|im_end|>\n]]<|im_start|>user\nand then<|im_end|>\n<|im_start|>assistant\n[[it ran home<|im_end|>\n]]",
  ],
  [
    "one that says the same again",
    chatml,
    [user("yes"), said("yes"), user("yes")],
    "<|im_start|>user\nyes<|im_end|>\n<|im_start|>assistant\n[[yes<|im_end|>\n]]<|im_start|>user\nyes<|im_end|>\n",
  ],
  [
    "characters of two units",
    chatml,
    [user("😀"), said("a 😀"), user("😀")],
    "<|im_start|>user\n😀<|im_end|>\n<|im_start|>assistant\n[[a 😀<|im_end|>\n]]<|im_start|>user\n😀<|im_end|>\n",
  ],
  [
    "an answer that only calls a tool",
    chatml,
    [
      user("hi"),
      { role: "assistant", content: null, tool_calls: [{ name: "look" }] },
      { role: "tool", content: "a cat" },
      said("a cat"),
    ],
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n[[<call>look</call><|im_end|>\n]]<|im_start|>tool\na cat<|im_end|>\n<|im_start|>assistant\n[[a cat<|im_end|>\n]]",
  ],
  [
    "thoughts that earlier turns lose",
    thinking,
    [
      user("hello"),
      said("<think>\nso\n</think>\n\nthe cat"),
      user("and then"),
      said("<think>\nwell\n</think>\n\nit ran home"),
    ],
    "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n[[the cat<|im_end|>\n]]<|im_start|>user\nand then<|im_end|>\n<|im_start|>assistant\n[[<think>\nwell\n</think>\n\nit ran home<|im_end|>\n]]",
  ],
  [
    "thoughts that only the last turn has a place for",
    thinking,
    two,
    "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n[[the cat<|im_end|>\n]]<|im_start|>user\nand then<|im_end|>\n<|im_start|>assistant\n[[<think>\n\n</think>\n\nit ran home<|im_end|>\n]]",
  ],
  [
    "a generation prompt that is not in the text",
    prompted,
    two,
    "<user>hello<assistant>[[the cat</s>]]<user>and then<assistant>[[it ran home</s>]]",
  ],
  [
    "a system message that moves",
    moved,
    [{ role: "system", content: "be kind" }, ...two],
    "[INST] hello[/INST][[ the cat</s>]][INST] and then[/INST][[ it ran home</s>]]",
  ],
  [
    "an end of the whole",
    closed,
    two,
    "<|user|>\nhello<|end|>\n<|assistant|>\n[[the cat<|end|>\n]]<|user|>\nand then<|end|>\n<|assistant|>\n[[it ran home<|end|>\n</s>]]",
  ],
  [
    "another end of the last answer",
    returned,
    two,
    "<|start|>user<|message|>hello<|end|><|start|>assistant[[<|channel|>final<|message|>the cat<|end|>]]<|start|>user<|message|>and then<|end|><|start|>assistant[[<|channel|>final<|message|>it ran home<|return|>]]",
  ],
] as const)(
  "%s: the answers are learned with the tokens that end them, and nothing else",
  (_, template, messages, text) => {
    const tokenizer = withTemplate(template, "<|user|>", "<|end|>", "<|start|>", "<|return|>", "</s>");
    expect(learned(tokenizer, messages)).toBe(text);
  },
);

test("what a template marks as the assistant's is learned, and spaces around the marks go as in transformers", () => {
  const marked =
    "{% for m in messages %}\n  {% if m.role == 'user' %}{{ 'Q: ' + m.content + '\n' }}\n  {%- else %}\n    A:\n    {%- generation -%}\n      {{ ' ' + m.content }}!\n    {% endgeneration %}\n  {%- endif %}\n{% endfor %}";
  const tokenizer = withTemplate(marked);
  const text = learned(tokenizer, two);
  expect(text.replaceAll(/\[\[|\]\]/g, "")).toBe(tokenizer.applyChatTemplate(two));
  expect(text).toBe("Q: hello\n    A:[[ the cat!\n]]Q: and then\n    A:[[ it ran home!\n]]");
});
