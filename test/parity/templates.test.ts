import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Template, TemplateError, textFunction } from "../../src/templates/index.ts";
import { type ChatOptions, type Message, Tokenizer } from "../../src/tokenizers/index.ts";
import { fixture, readJson, sharedPath } from "../helpers/fixtures.ts";

interface Outcome {
  readonly template: string;
  readonly expected?: string;
  readonly error?: string;
}

const { versions, context, special, conversations, expressions, chats } = await readJson<{
  versions: Record<string, string>;
  context: Record<string, unknown>;
  special: Record<string, string>;
  conversations: Record<string, { messages: Message[]; options: Record<string, unknown> }>;
  expressions: Outcome[];
  chats: (Outcome & { conversation: string })[];
}>(fixture("templates/expected.json"));

const functions = {
  raise_exception: textFunction("raise_exception", "message", (message) => {
    throw new TemplateError("raised", message);
  }),
  strftime_now: textFunction("strftime_now", "format", () => "2026"),
};

test.each(
  expressions.map(({ template, expected, error }) => [template, expected ?? error, error === undefined] as const),
)(`jinja2 ${versions.jinja2} gives the same for %s`, (template, expected, isText) => {
  const render = (): string => new Template(template).render({ ...context, ...functions });
  if (isText) expect(render()).toBe(expected);
  else expect(render).toThrow(TemplateError);
});

const templates = new Map(
  `\n${readFileSync(fixture("templates/chat-templates.txt"), "utf8")}`
    .split("\n=== ")
    .slice(1)
    .map((part) => {
      const end = part.indexOf("\n");
      return [part.slice(0, end), part.slice(end + 1)] as const;
    }),
);

/** A tokenizer with a chat template; what else it is does not matter here. */
function withTemplate(template: string): Tokenizer {
  const model = { type: "BPE", vocab: { a: 0 }, merges: [] };
  const json = { model, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  return new Tokenizer(json, special, { default: template });
}

test.each(chats.map((chat) => [chat.template, chat.conversation, chat] as const))(
  `transformers ${versions.transformers} writes the same with %s for %s`,
  (name, conversation, { expected, error }) => {
    const { messages, options } = conversations[conversation] as (typeof conversations)[string];
    const { add_generation_prompt: addGenerationPrompt, tools, documents, ...rest } = options;
    const chat = { addGenerationPrompt, tools, documents, chatTemplateArguments: rest } as ChatOptions;
    const write = (): string => withTemplate(templates.get(name) as string).applyChatTemplate(messages, chat);
    if (error === undefined) expect(write()).toBe(expected);
    else expect(write).toThrow(/^the chat template (rejects the conversation|failed): /);
  },
);

const reports = sharedPath("cases/reports");

test
  .skipIf(reports === undefined)
  .each([
    "jinja-format-method",
    "jinja-integer-keys",
    "jinja-min-filter",
    "jinja-null-argument",
    "jinja-strip-chars",
    "jinja-tool-string",
    "jinja-tuple-unpacking",
  ])("%s is written as transformers writes it (skipped where ../shared is absent)", async (name) => {
  const { messages, tools } = await readJson<{ messages: Message[]; tools: object[] | null }>(
    `${reports}/${name}/input.json`,
  );
  const template = readFileSync(`${reports}/${name}/chat_template.jinja`, "utf8");
  const expected = readFileSync(`${reports}/${name}/expected.txt`, "utf8");
  const chat = { addGenerationPrompt: false, ...(tools ? { tools } : {}) };
  expect(withTemplate(template).applyChatTemplate(messages, chat)).toBe(expected);
});
