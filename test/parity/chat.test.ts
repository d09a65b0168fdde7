import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openFiles } from "../../src/files/index.ts";
import { type ChatOptions, loadTokenizer, type Message, Tokenizer } from "../../src/tokenizers/index.ts";
import { fixture, readJson } from "../helpers/fixtures.ts";

interface Case {
  readonly template: string;
  readonly messages: readonly Message[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly expected?: string;
  readonly error?: string;
}

const { versions, special, cases } = await readJson<{
  versions: Record<string, string>;
  special: Record<string, string>;
  cases: Case[];
}>(fixture("chat/expected.json"));

/** A tokenizer with a chat template; what else it is does not matter here. */
function withTemplate(template: string | undefined, templates: Record<string, string> = {}): Tokenizer {
  const model = { type: "BPE", vocab: { a: 0 }, merges: [] };
  const json = { model, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  return new Tokenizer(json, special, template === undefined ? templates : { default: template, ...templates });
}

function optionsOf({
  add_generation_prompt,
  continue_final_message,
  tools,
  documents,
  ...rest
}: Case["options"]): ChatOptions {
  return {
    addGenerationPrompt: add_generation_prompt as boolean | undefined,
    continueFinalMessage: continue_final_message as boolean | undefined,
    tools: tools as object[] | undefined,
    documents: documents as object[] | undefined,
    chatTemplateArguments: rest,
  };
}

describe(`chat templates against transformers ${versions.transformers}, jinja2 ${versions.jinja2}`, () => {
  test.each(cases.map((entry, i) => [i, entry.template, JSON.stringify(Object.keys(entry.options)), entry] as const))(
    "case %i: %s with %s is written out to the character",
    (_, template, __, { messages, options, expected, error }) => {
      const tokenizer = withTemplate(readFileSync(fixture(`chat/${template}.jinja`), "utf8"));
      const write = (): string => tokenizer.applyChatTemplate(messages, optionsOf(options));
      if (error === undefined) expect(write()).toBe(expected);
      else expect(write).toThrow(`the chat template rejects the conversation: ${error}`);
    },
  );
});

test("llama_chat's recorded conversations are written out to the character, and to the token", async () => {
  const directory = fixture("models/llama_chat");
  const tokenizer = await loadTokenizer(await openFiles(directory));
  const { conversations } = await readJson<{
    conversations: { messages: Message[]; add_generation_prompt: boolean; text: string; input_ids: number[] }[];
  }>(`${directory}/expected.json`);
  expect(conversations.length).toBeGreaterThan(2);
  for (const { messages, add_generation_prompt: addGenerationPrompt, text, input_ids } of conversations) {
    const written = tokenizer?.applyChatTemplate(messages, { addGenerationPrompt }) as string;
    expect(written).toBe(text);
    expect(tokenizer?.encode(written, { addSpecialTokens: false }).ids).toEqual(input_ids);
  }
});

const hi: Message[] = [{ role: "user", content: "Hi" }];

test("a checkpoint's templates are chosen by name, and tool_use by itself where tools are given", () => {
  const tokenizer = withTemplate("plain {{ messages[0].content }}", { tool_use: "tools {{ tools|length }}" });
  expect(tokenizer.applyChatTemplate(hi)).toBe("plain Hi");
  expect(tokenizer.applyChatTemplate(hi, { tools: [{ name: "x" }] })).toBe("tools 1");
  expect(tokenizer.applyChatTemplate(hi, { tools: [{ name: "x" }], chatTemplate: "default" })).toBe("plain Hi");
  expect(tokenizer.applyChatTemplate(hi, { chatTemplate: "own {{ messages|length }}" })).toBe("own 1");
  expect(() => tokenizer.applyChatTemplate(hi, { chatTemplate: "rag" })).toThrow(
    'no template called "rag"; this model has default, tool_use',
  );
  expect(() => withTemplate(undefined, { a: "x", b: "y" }).applyChatTemplate(hi)).toThrow(
    "choose one with chatTemplate: a, b",
  );
});

test("templates are read from wherever a checkpoint keeps them", async () => {
  const directory = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture("models/llama_chat"), directory, { recursive: true });
  const path = join(directory, "tokenizer_config.json");
  const config = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  const list = [
    { name: "default", template: "from the list" },
    { name: "tool_use", template: "tools of the list" },
  ];
  await rm(join(directory, "chat_template.jinja"), { force: true });
  await writeFile(path, JSON.stringify({ ...config, chat_template: list }));
  const read = async (options?: ChatOptions): Promise<string | undefined> =>
    (await loadTokenizer(await openFiles(directory)))?.applyChatTemplate(hi, options);
  expect(await read()).toBe("from the list");
  expect(await read({ tools: [] })).toBe("tools of the list");
  await writeFile(join(directory, "chat_template.jinja"), "from the file");
  await mkdir(join(directory, "additional_chat_templates"));
  await writeFile(join(directory, "additional_chat_templates", "rag.jinja"), "with documents");
  expect(await read()).toBe("from the file");
  expect(await read({ chatTemplate: "rag" })).toBe("with documents");
  await writeFile(path, JSON.stringify({ ...config, chat_template: [{ name: "default" }] }));
  await expect(read()).rejects.toThrow("needs a name and a template");
});

test("a chat_template that is no template is refused by its place", async () => {
  const directory = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture("models/llama_chat"), directory, { recursive: true });
  await rm(join(directory, "chat_template.jinja"), { force: true });
  const path = join(directory, "tokenizer_config.json");
  const config = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  const load = async (given: unknown): Promise<unknown> => {
    await writeFile(path, JSON.stringify({ ...config, chat_template: given }));
    return loadTokenizer(await openFiles(directory));
  };
  await expect(load([null])).rejects.toThrow("needs a name and a template; got null as chat_template[0]");
  await expect(load([{ name: "default", template: "x" }, "y"])).rejects.toThrow('got "y" as chat_template[1]');
  await expect(load(5)).rejects.toThrow("chat_template must be a text, or a list of templates with names; got number");
});

describe("contents in parts", () => {
  const parts: Message[] = [
    {
      role: "user",
      content: [
        { type: "text", text: "Look" },
        { type: "text", text: " here" },
      ],
    },
  ];

  test.each([
    ["adds strings", "{{ '<' + messages[0]['role'] + '>' + messages[0]['content'] }}", "<user>Look here"],
    ["prints contents", "{{ messages[0].content }}", "Look here"],
    ["trims contents", "{% for m in messages %}{{ m.content | trim }}{% endfor %}", "Look here"],
    ["splits contents", "{{ messages[0].content.split(' ')[-1] }}", "here"],
    ["writes contents as JSON", "{{ messages[0].content | tojson }}", '"Look here"'],
    ["reads strings only", "{% if messages[0].content is string %}{{ messages[0].content }}{% endif %}", "Look here"],
    ["joins whole parts", "{{ messages[0].content | join('') }}", "Look here"],
  ])("are joined for a template that %s", (_, template, expected) => {
    expect(withTemplate(template).applyChatTemplate(parts)).toBe(expected);
  });

  test.each([
    ["loops over them", "{% for p in messages[0].content %}[{{ p.text }}]{% endfor %}"],
    ["filters them", "{% for t in messages[0].content | map(attribute='text') %}[{{ t }}]{% endfor %}"],
    ["indexes them", "[{{ messages[0].content[0].text }}][{{ messages[0].content[1]['text'] }}]"],
    [
      "has a macro for them",
      "{% macro w(c) %}{% for p in c %}[{{ p.text }}]{% endfor %}{% endmacro %}{{ w(messages[0].content) }}",
    ],
  ])("are left to a template that %s", (_, template) => {
    expect(withTemplate(template).applyChatTemplate(parts)).toBe("[Look][ here]");
  });

  test("are joined where the last message is continued", () => {
    const template = withTemplate("{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}");
    const answer: Message = { role: "assistant", content: [{ type: "text", text: "Well," }] };
    expect(template.applyChatTemplate([...parts, answer], { continueFinalMessage: true })).toBe(
      "<user>Look here</><assistant>Well,",
    );
  });

  test("that are no text are refused by their type", () => {
    const image: Message[] = [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }];
    const looping = withTemplate("{% for p in messages[0].content %}{{ p.text }}{% endfor %}");
    expect(() => looping.applyChatTemplate(image)).toThrow('message 0 holds a part of type "image_url"');
    const odd: Message[] = [{ role: "user", content: [{ type: "thinking", thinking: "…" }] }];
    expect(() => withTemplate("{{ messages[0].content }}").applyChatTemplate(odd)).toThrow(
      'message 0 holds a part of type "thinking" without a text',
    );
    expect(() => looping.applyChatTemplate([{ role: "user", content: 5 as never }])).toThrow(
      "the content of message 0 must be a text or a list of parts; got number",
    );
  });
});

test("fields that are null are left out, and reasoning has its usual name, as in transformers", () => {
  const template = withTemplate("{{ messages[0] }}{{ messages[1].reasoning_content }}{{ messages[1].thinking }}");
  const messages: Message[] = [
    { role: "user", content: null },
    { role: "assistant", reasoning: "So." },
  ];
  expect(template.applyChatTemplate(messages)).toBe("{'role': 'user'}So.So.");
});

test("a template that would run for ever is stopped, and says so", () => {
  const endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
  expect(() => withTemplate(endless).applyChatTemplate(hi)).toThrow(
    expect.objectContaining({ name: "LecternError", code: "input", message: expect.stringContaining("steps") }),
  );
  expect(() => withTemplate("\n{{ x.y }}").applyChatTemplate(hi)).toThrow(
    "the chat template failed: 'x' is undefined (line 2 of the template)",
  );
  expect(() => withTemplate("{{ raise_exception('No.') }}").applyChatTemplate(hi)).toThrow(/conversation: No\.$/);
});

test("what cannot be written out is refused in words", () => {
  expect(() => withTemplate(undefined).applyChatTemplate(hi)).toThrow("this model has no chat template");
  expect(() => withTemplate("x").applyChatTemplate([])).toThrow("at least one message");
  expect(() => withTemplate("x").applyChatTemplate(["Hi" as never])).toThrow(
    "the conversation must be a list of messages",
  );
  expect(() => withTemplate("{{ messages").applyChatTemplate(hi)).toThrow("the chat template has a syntax error");
  const shouting = withTemplate("{{ messages[0].content|upper }}");
  expect(() => shouting.applyChatTemplate(hi, { continueFinalMessage: true })).toThrow(
    "does not write the last message as it is",
  );
});

test("dates are written in English, whatever the machine speaks", () => {
  const written = withTemplate("{{ strftime_now('%d %b %Y') }}").applyChatTemplate(hi);
  expect(written).toMatch(/^\d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}$/);
  expect(() => withTemplate("{{ strftime_now('%Q') }}").applyChatTemplate(hi)).toThrow("strftime_now cannot write %Q");
});

test("a template whose lines end as on Windows writes the same", () => {
  const template = "{% for m in messages %}\n{{ m.content }}\n{% endfor %}\nend";
  const write = (text: string): string => withTemplate(text).applyChatTemplate(hi);
  expect(write(template.replaceAll("\n", "\r\n"))).toBe(write(template));
});
