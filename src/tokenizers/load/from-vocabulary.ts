import { check, ownEntry, quotedBytes, worldTokenizer } from "../../common/index.ts";
import { isId, isPart, type Part } from "../json.ts";
import { splitWords } from "./parts.ts";
import { type AddedEntry, addedTokens, type Settings, special, specialText, templateOf } from "./settings.ts";

/** A `tokenizer.json` for BERT's `vocab.txt`: a piece a line. */
export function fromWordPieces(text: string, settings: Settings): object {
  const { config } = settings;
  const lines = text.split("\n").map((line) => line.trimEnd());
  if (lines.at(-1) === "") lines.pop();
  const vocab = Object.fromEntries(lines.map((piece, id) => [piece, id]));
  const names = { unk: "[UNK]", sep: "[SEP]", pad: "[PAD]", cls: "[CLS]", mask: "[MASK]" };
  const tokens = Object.entries(names).map(([name, usual]) => specialText(settings, name, usual));
  const [unknown, sep, , cls] = tokens as [string, string, string, string, string];
  const idOf = (token: string): number => {
    const id = ownEntry(vocab, token);
    check(id !== undefined, "file", () => `vocab.txt: ${token} is missing among its ${lines.length} pieces`);
    return id;
  };
  const own = tokens.filter((token) => Object.hasOwn(vocab, token)).map((token) => special(idOf(token), token));
  return {
    added_tokens: addedTokens(own, settings),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars ?? true,
      strip_accents: config.strip_accents ?? null,
      lowercase: config.do_lower_case ?? true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: templateOf(`${cls}:0 $A:0 ${sep}:0`, `${cls}:0 $A:0 ${sep}:0 $B:1 ${sep}:1`, idOf),
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      vocab,
      unk_token: unknown,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
    },
  };
}

const ROBERTA_LIKE = /^(roberta|bart|longformer|led|mvp|blenderbot|xlmrobertaxl)/;
const NFC_FIRST = /^(qwen|gptneox|olmo)/;

/** A `tokenizer.json` for `vocab.json` and `merges.txt` of byte-level BPE: GPT-2, RoBERTa, BART, Qwen and others. */
export function fromMerges(vocab: Part, text: string, settings: Settings): object {
  const { config, family } = settings;
  const merges = text.split(/\r?\n/).filter((line, i) => line !== "" && !(i === 0 && line.startsWith("#version")));
  const addsSpace = config.add_prefix_space === true;
  const isQwen = family.startsWith("qwen");
  const byteLevel = { type: "ByteLevel", add_prefix_space: addsSpace, trim_offsets: true, use_regex: !isQwen };
  const isRoberta = ROBERTA_LIKE.test(family);
  const words = { type: "Split", pattern: { Regex: splitWords("\\p{L}") }, behavior: "Isolated", invert: false };
  return {
    added_tokens: addedTokens(specialsOf(vocab, isRoberta, settings), settings),
    normalizer: NFC_FIRST.test(family) ? { type: "NFC" } : null,
    pre_tokenizer: isQwen ? { type: "Sequence", pretokenizers: [words, byteLevel] } : byteLevel,
    post_processor: isRoberta ? roberta(vocab, settings) : bosBefore(vocab, settings),
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: "BPE", vocab, merges },
  };
}

function specialsOf(vocab: Part, isRoberta: boolean, settings: Settings): AddedEntry[] {
  const usual = isRoberta
    ? { bos: "<s>", eos: "</s>", unk: "<unk>", pad: "<pad>", mask: "<mask>", cls: "<s>", sep: "</s>" }
    : { bos: "<|endoftext|>", eos: "<|endoftext|>", unk: "<|endoftext|>", pad: "" };
  const tokens = Object.entries(usual).map(([name, token]) => ({ name, token: specialText(settings, name, token) }));
  return tokens.flatMap(({ name, token }) => {
    const id = ownEntry(vocab, token);
    return isId(id) ? [special(id, token, isRoberta && name === "mask")] : [];
  });
}

function idIn(vocab: Part, token: string): number {
  const id = ownEntry(vocab, token);
  check(isId(id), "file", () => `vocab.json: ${token} is missing among its ${Object.keys(vocab).length} tokens`);
  return id;
}

function roberta(vocab: Part, settings: Settings): object {
  const [cls, sep] = [specialText(settings, "cls", "<s>"), specialText(settings, "sep", "</s>")];
  const [clsId, sepId] = [idIn(vocab, cls), idIn(vocab, sep)];
  const addsSpace = settings.config.add_prefix_space === true;
  return {
    type: "RobertaProcessing",
    sep: [sep, sepId],
    cls: [cls, clsId],
    trim_offsets: true,
    add_prefix_space: addsSpace,
  };
}

/** GPT-2's: nothing is added, unless the settings ask for the start token. */
function bosBefore(vocab: Part, settings: Settings): object {
  if (settings.config.add_bos_token !== true) return { type: "ByteLevel", add_prefix_space: true, trim_offsets: false };
  const bos = specialText(settings, "bos", "<|endoftext|>");
  return templateOf(`${bos}:0 $A:0`, `${bos}:0 $A:0 ${bos}:1 $B:1`, (token) => idIn(vocab, token));
}

/** The vocabulary of a `vocab.json`. */
export function vocabularyIn(json: unknown): Part {
  check(isPart(json), "file", () => "vocab.json must hold an object of tokens and ids");
  return json;
}

/** The end of a text, whose id is 0, as RWKV's tokenizer calls it. */
const END_OF_TEXT = "<|rwkv_tokenizer_end_of_text|>";

/** A line of the vocabulary: an id, a Python literal of a text or of bytes, and their number. */
const WORLD_LINE = /^(\d+) (b?)(['"])(.*)\3 (\d+)$/;

/** A `tokenizer.json` for RWKV's World tokenizer, by its `rwkv_vocab_v20230424.txt`: the longest token comes first. */
export function fromWorld(text: string, place: string, settings: Settings): object {
  const ids = new Map<string, number>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === "") continue;
    const [, id, prefix, , quoted = "", count] = WORLD_LINE.exec(line) ?? [];
    const token = quotedBytes(quoted, prefix === "b");
    check(
      isId(Number(id)) && token.length === Number(count),
      "file",
      () =>
        `${place}: line ${i + 1} must hold an id, a quoted token and its number of bytes; got ${JSON.stringify(line)}`,
    );
    ids.set(token, Number(id));
  }
  const bos = specialText(settings, "bos", END_OF_TEXT);
  const addsStart = settings.config.add_bos_token === true;
  const added = addedTokens([special(0, bos)], settings);
  const first = added.find(({ id }) => id === 0)?.content ?? bos;
  return {
    ...worldTokenizer(Object.fromEntries(ids), first, place),
    added_tokens: added,
    post_processor: addsStart ? templateOf(`${bos}:0 $A:0`, `${bos}:0 $A:0 ${bos}:1 $B:1`, () => 0) : null,
  };
}
