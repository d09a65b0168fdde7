/**
 * Trains the tiny chat model beside this file, which calls tools: `node test/server/chat-model/make.mjs FOLDER` after
 * `npm run build` writes the model to FOLDER. It knows four cities, two tools and a greeting; tools are described as
 * several clients describe them.
 */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadTokenizer } from "lectern";
import { parseRecipe, trainRecipe, trainTokenizer } from "lectern/training";

const [out = "chat-model"] = process.argv.slice(2);
const data = join(out, "data");
mkdirSync(data, { recursive: true });
const special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

let state = 7;
/** A number below n from a small linear congruential generator, so that the rows are the same each time. */
function below(n) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}
const one = (list) => list[below(list.length)];
const cities = ["Paris", "Rome", "Oslo", "Lima"];

function weatherTool() {
  const city = one([
    { type: "string" },
    { type: "string", description: "The city" },
    { type: "string", description: "Name of a city" },
  ]);
  const parameters = {
    ...(below(3) === 0 && {
      $schema: one(["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"]),
    }),
    type: "object",
    properties: { city },
    ...(below(4) > 0 && { required: ["city"] }),
    ...(below(2) === 0 && { additionalProperties: false }),
  };
  const description = one([undefined, "The weather of a city", "Get the weather in a city", "Current weather"]);
  const order = below(2) === 0 ? { description, parameters } : { parameters, description };
  return { type: "function", function: { name: "get_weather", ...order, ...(below(5) === 0 && { strict: true }) } };
}

const call = (city) => ({ name: "get_weather", arguments: { city } });
const written = (calls) =>
  calls
    .map(
      (each) =>
        `<tool_call>\n{"name": "${each.name}", "arguments": ${JSON.stringify(each.arguments).replace(":", ": ")}}\n</tool_call>`,
    )
    .join("\n");

function conversation() {
  const system =
    below(2) === 0
      ? [{ role: "system", content: one(["You are helpful.", "Answer briefly.", "You are a helpful assistant."]) }]
      : [];
  const tools = below(4) > 0 ? [weatherTool()] : undefined;
  const greeting = { role: "user", content: one(["Hello", "Hello!", "Hi"]) };
  if (below(3) === 0) return [{ messages: [...system, greeting], tools, answer: "Hello! How can I help you?" }];
  const [first, second] = [one(cities), one(cities)];
  if (!tools) {
    const question = { role: "user", content: `What is the weather in ${first}?` };
    return [{ messages: [...system, question], tools, answer: "I cannot look that up." }];
  }
  if (below(4) === 0) {
    const question = { role: "user", content: `Compare the weather in ${first} and ${second}.` };
    return [{ messages: [...system, question], tools, answer: written([call(first), call(second)]) }];
  }
  const question = { role: "user", content: `What is the weather in ${first}?` };
  const degrees = one(["10", "20", "30"]);
  const called = { role: "assistant", content: "", tool_calls: [{ type: "function", function: call(first) }] };
  const result = { role: "tool", content: one([`${degrees} degrees`, `{"degrees":${degrees}}`]) };
  return [
    { messages: [...system, question], tools, answer: written([call(first)]) },
    { messages: [...system, question, called, result], tools, answer: `It is ${degrees} degrees in ${first}.` },
  ];
}

const rows = Array.from({ length: 1500 }, conversation).flat();
copyFileSync(fileURLToPath(new URL("chat_template.jinja", import.meta.url)), join(out, "chat_template.jinja"));
const text = rows.map(({ messages, tools, answer }) => JSON.stringify({ messages, tools, answer })).join("\n");
const vocabulary = await trainTokenizer([text.replaceAll("\\n", "\n").replaceAll('\\"', '"')], {
  kind: "byte-level-bpe",
  vocabularySize: 384,
  specialTokens: special,
});
writeFileSync(join(out, "tokenizer.json"), JSON.stringify(vocabulary));
const config = {
  tokenizer_class: "PreTrainedTokenizerFast",
  eos_token: "<|im_end|>",
  pad_token: "<|endoftext|>",
  additional_special_tokens: ["<|im_start|>"],
  clean_up_tokenization_spaces: false,
};
writeFileSync(join(out, "tokenizer_config.json"), JSON.stringify(config, null, 2));
const tokenizer = await loadTokenizer(out);
const examples = rows.map(({ messages, tools, answer }) => ({
  prompt: tokenizer.applyChatTemplate(messages, { tools }),
  completion: `${answer}`,
}));
const lines = (list) => list.map((row) => JSON.stringify(row)).join("\n");
writeFileSync(join(data, "training.jsonl"), lines(examples.slice(100)));
writeFileSync(join(data, "validation.jsonl"), lines(examples.slice(0, 100)));
const longest = Math.max(...examples.map(({ prompt, completion }) => tokenizer.encode(prompt + completion).ids.length));
console.log(examples.length, "rows, the longest of", longest, "tokens");
const recipe = {
  config: {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: tokenizer.vocabularySize,
    hidden_size: 64,
    intermediate_size: 160,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    max_position_embeddings: 1024,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
    bos_token_id: null,
    eos_token_id: tokenizer.id("<|im_end|>"),
    pad_token_id: tokenizer.id("<|endoftext|>"),
  },
  task: "text-generation",
  examples: { training: [{ file: "training.jsonl" }], validation: [{ file: "validation.jsonl" }] },
  maxLength: 320,
  seed: 1,
  batchSize: 8,
  steps: 700,
  optimizer: { name: "adamw", betas: [0.9, 0.95], weightDecay: 0.01 },
  schedule: { name: "cosine_with_min_lr", learningRate: 0.004, minLrRate: 0.05, warmupSteps: 50 },
  maxGradNorm: 1,
  precision: "bfloat16",
  checkpointEvery: 100,
};
writeFileSync(join(out, "recipe.json"), JSON.stringify(recipe));
await trainRecipe(parseRecipe(recipe), {
  data,
  tokenizer,
  tokenizerDirectory: out,
  out: join(out, "model"),
  threads: 1,
  onReport: ({ step, loss }) => step % 20 === 0 && console.log(step, loss),
});
rmSync(data, { recursive: true });
