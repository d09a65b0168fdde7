import { existsSync, readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openDirectory } from "../../../src/formats/index.ts";
import { loadTokenizer } from "../../../src/tokenizers/index.ts";
import { fixture, models, readFixture, readJson } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";

type Files = Record<string, string | Uint8Array>;

const TEXTS = [
  "",
  "The wolf and the seven little goats.",
  "  a\tb\r\nc ",
  "\u00dcber 12,5 \u20ac 東京 \u{1f600}\u200d",
  "<s></s>[MASK]<pad>",
  "\ud800x",
  "a".repeat(300),
  "constructor __proto__",
  "\0\u0301",
];

/** Parts of `tokenizer.json` beside those that the models have. */
const PARTS: Readonly<Record<string, readonly object[]>> = {
  normalizer: [
    { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
    { type: "Sequence", normalizers: [{ type: "NFD" }, { type: "StripAccents" }, { type: "Lowercase" }] },
    { type: "Precompiled", precompiled_charsmap: "AAAA" },
    { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  ],
  pre_tokenizer: [
    { type: "Split", pattern: { Regex: "\\d{1,3}| ?\\p{L}+" }, behavior: "Isolated", invert: false },
    { type: "Metaspace", replacement: "\u2581", prepend_scheme: "always", split: true },
    {
      type: "Sequence",
      pretokenizers: [
        { type: "Digits", individual_digits: true },
        { type: "Punctuation", behavior: "Isolated" },
      ],
    },
  ],
  post_processor: [
    {
      type: "TemplateProcessing",
      single: [{ Sequence: { id: "A", type_id: 0 } }],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: {},
    },
    { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] },
    { type: "RobertaProcessing", sep: ["</s>", 2], cls: ["<s>", 0], trim_offsets: true, add_prefix_space: true },
  ],
  decoder: [
    { type: "WordPiece", prefix: "##", cleanup: true },
    {
      type: "Sequence",
      decoders: [{ type: "ByteFallback" }, { type: "Fuse" }, { type: "Strip", content: " ", start: 1, stop: 0 }],
    },
    { type: "CTC", pad_token: "<pad>", word_delimiter_token: "|", cleanup: true },
  ],
  truncation: [{ max_length: 4, strategy: "LongestFirst", stride: 0, direction: "Right" }],
  padding: [
    {
      strategy: "BatchLongest",
      direction: "Right",
      pad_to_multiple_of: 8,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: "[PAD]",
    },
  ],
};

const described = models.all.filter((name) => existsSync(fixture(`${name}/tokenizer.json`)));
const trained = readdirSync(fixture("tokenizers/trained")).filter((name) => name.endsWith(".json"));

function describedFiles(mutate: Mutator): Files {
  const isTrained = mutate.chance(0.3);
  const name = mutate.pick(described);
  const json = readJson(isTrained ? `tokenizers/trained/${mutate.pick(trained)}` : `${name}/tokenizer.json`);
  const settings = readJson(`${name}/tokenizer_config.json`);
  if (mutate.chance(0.4)) {
    const part = mutate.pick(Object.keys(PARTS));
    json[part] = mutate.json(mutate.pick(PARTS[part] as readonly object[]));
  }
  const changesSettings = mutate.chance(0.3);
  const text = mutate.jsonText(changesSettings && mutate.chance(0.8) ? json : mutate.json(json));
  const files: Files = {
    "tokenizer.json": mutate.chance(0.05) ? mutate.bytes(new TextEncoder().encode(text)) : text,
    "tokenizer_config.json": mutate.jsonText(changesSettings ? mutate.json(settings) : settings),
  };
  if (mutate.chance(0.1))
    files["special_tokens_map.json"] = mutate.jsonText(mutate.json(readJson(`${name}/special_tokens_map.json`)));
  if (mutate.chance(0.1))
    files["added_tokens.json"] = mutate.jsonText(mutate.json({ "<a>": 500, constructor: 3, __proto__: 4 }));
  return files;
}

/** A directory as it was before there was a `tokenizer.json`. */
function plainFiles(mutate: Mutator): Files {
  const settings = mutate.jsonText(
    mutate.json({
      tokenizer_class: mutate.pick([
        "BertTokenizer",
        "GPT2Tokenizer",
        "RobertaTokenizer",
        "CLIPTokenizer",
        "T5Tokenizer",
      ]),
      do_lower_case: true,
      unk_token: "[UNK]",
    }),
  );
  const text = (list: readonly string[]): string | Uint8Array => {
    const joined = mutate.json([...list]);
    const lines = Array.isArray(joined)
      ? joined.map((line) => (typeof line === "string" ? line : (JSON.stringify(line) ?? ""))).join("\n")
      : "";
    return mutate.chance(0.3) ? mutate.bytes(new TextEncoder().encode(lines)) : lines;
  };
  if (mutate.chance(0.4)) {
    const { model } = readJson("models/bert/tokenizer.json") as { model: { vocab: Record<string, number> } };
    return { "vocab.txt": text(Object.keys(model.vocab)), "tokenizer_config.json": settings };
  }
  const { model } = readJson("models/gpt2/tokenizer.json") as {
    model: { vocab: object; merges: (string | string[])[] };
  };
  const merges = ["#version: 0.2", ...model.merges.map((pair) => (typeof pair === "string" ? pair : pair.join(" ")))];
  return {
    "vocab.json": mutate.jsonText(mutate.chance(0.6) ? mutate.json(model.vocab) : model.vocab),
    "merges.txt": text(merges),
    "tokenizer_config.json": settings,
  };
}

function sentencePieceFiles(mutate: Mutator): Files {
  const family = mutate.pick(["llama", "gemma"]);
  const settings = readJson(`tokenizers/${family}/tokenizer_config.json`);
  settings.tokenizer_class = mutate.pick([
    settings.tokenizer_class,
    "T5Tokenizer",
    "XLMRobertaTokenizer",
    "AlbertTokenizer",
    "MBartTokenizer",
    "PegasusTokenizer",
    "DebertaV2Tokenizer",
    "constructor",
  ]);
  const name = mutate.pick(["tokenizer.model", "spiece.model", "sentencepiece.bpe.model"]);
  return {
    [name]: mutate.bytes(readFixture(`tokenizers/${family}/tokenizer.model`)),
    "tokenizer_config.json": mutate.jsonText(mutate.chance(0.5) ? mutate.json(settings) : settings),
    ...(mutate.chance(0.2) && {
      "config.json": mutate.jsonText(mutate.json({ model_type: "t5", extra_ids: 100, vocab: ["a", "b"] })),
    }),
  };
}

export async function tokenizer(mutate: Mutator, folder: string): Promise<unknown> {
  const files = mutate.pick([describedFiles, describedFiles, describedFiles, plainFiles, sentencePieceFiles])(mutate);
  await mkdir(join(folder, "t"));
  for (const [name, data] of Object.entries(files)) await writeFile(join(folder, "t", name), data);
  const loaded = await loadTokenizer(await openDirectory(join(folder, "t")));
  if (!loaded) return;
  for (const text of TEXTS) {
    const { ids } = loaded.encode(text, { offsets: true });
    loaded.decode(ids);
    loaded.decode(ids, { skipSpecialTokens: false });
  }
  loaded.encodeBatch(["a b", "c"]);
  for (const id of [0, 1, 5, 1e6]) loaded.token(id);
}
