import { readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openDirectory } from "../../../src/formats/index.ts";
import { loadTokenizer } from "../../../src/tokenizers/index.ts";
import { fixture, readFixture, readJson } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";

const names = readdirSync(fixture("chat")).filter((name) => name.endsWith(".jinja"));
const templates = names.map((name) => readFixture(`chat/${name}`).toString());

const PIECES = [
  "{% for i in range(1000) %}",
  "{% endfor %}",
  "{% if messages %}",
  "{% endif %}",
  "{{ messages[-1].content }}",
  "{{ [1,2] | tojson }}",
  "{{ messages | map(attribute='role') | join(',') }}",
  "{% set x = namespace(a=1) %}",
  "{{ 'a' * 1000000 }}",
  "{{ x.y.z }}",
  "{%",
  "%}",
  "{{ raise_exception('no') }}",
  "{% macro f(a) %}{{ f(a) }}{% endmacro %}{{ f(1) }}",
  "{{ ''.__class__ }}",
  "{{ messages.constructor }}",
  "{% for i in range(200000000) %}{% endfor %}",
  "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
  "{{ 2 ** 100000 }}",
  "{{ 'x' | replace('', 'y' * 1000) }}",
  "{{ (1).toString() }}",
  "{% raw %}",
  "{{ 1 / 0 }}",
  "{{ ('%0' ~ '9999999d') % 1 }}",
];

function changedTemplate(mutate: Mutator): string {
  let text = mutate.pick(templates);
  for (let changes = 1 + mutate.below(3); changes > 0; changes--) {
    const at = mutate.below(text.length + 1);
    const length = mutate.below(40);
    const piece = mutate.chance(0.5) ? mutate.pick(PIECES) : mutate.text().slice(0, 1000);
    const kind = mutate.below(4);
    if (kind === 0) text = text.slice(0, at) + piece + text.slice(at);
    else if (kind === 1) text = text.slice(0, at) + text.slice(at + length);
    else if (kind === 2) text = text.slice(0, at) + text.slice(at, at + length) + text.slice(at);
    else text = text.slice(0, at);
  }
  return mutate.chance(0.1) ? mutate.pick(PIECES).repeat(1 + mutate.below(50)) : text;
}

const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "Hi" }] },
  {
    role: "assistant",
    content: "Hello",
    tool_calls: [{ type: "function", function: { name: "f", arguments: { a: 1 } } }],
  },
  { role: "user", content: "Bye" },
];

const options = {
  addGenerationPrompt: true,
  continueFinalMessage: false,
  tools: [{ type: "function", function: { name: "f" } }],
  documents: [{ title: "t", text: "x" }],
  chatTemplateArguments: { enable_thinking: true },
  chatTemplate: "default",
};

export async function chatTemplates(mutate: Mutator, folder: string): Promise<unknown> {
  const directory = join(folder, "t");
  await mkdir(directory);
  const settings = readJson("models/llama_chat/tokenizer_config.json");
  const template = mutate.chance(0.7) ? changedTemplate(mutate) : mutate.pick(templates);
  const inConfig = mutate.chance(0.5);
  if (inConfig)
    settings.chat_template = mutate.pick<unknown>([
      template,
      template,
      [{ name: "default", template }],
      mutate.value(),
    ]);
  else await writeFile(join(directory, "chat_template.jinja"), template);
  await writeFile(join(directory, "tokenizer_config.json"), JSON.stringify(settings));
  await writeFile(join(directory, "tokenizer.json"), readFixture("models/llama_chat/tokenizer.json"));
  const tokenizer = await loadTokenizer(await openDirectory(directory));
  const given = mutate.chance(0.5) ? mutate.json(messages) : messages;
  return tokenizer?.applyChatTemplate(given, mutate.chance(0.3) ? mutate.json(options) : {});
}
