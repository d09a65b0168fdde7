import { check, ownEntry, shown } from "../../common/index.ts";
import type { Part } from "../json.ts";
import { languageCodes } from "./language-codes.ts";
import { manySpaces, metaspace, replace, splitAtSpaces } from "./parts.ts";
import { PieceType, type SentencePieceModel } from "./sentencepiece-model.ts";
import { type AddedEntry, addedTokens, type Settings, special, specialText, templateOf } from "./settings.ts";

type Entry = readonly [piece: string, score: number];

/** The differences of a family's tokenizer from its `.model` file. */
interface Family {
  readonly entries: (pieces: readonly Entry[], settings: Settings) => readonly Entry[];
  readonly unknownId?: number;
  readonly single: (settings: Settings) => string;
  readonly pair: (settings: Settings) => string;
  /** Tokens beside those that the file marks: found whole in text. */
  readonly specials: readonly string[];
  /** Steps of the normalizer before and behind the file's own rules; `after` has a usual value. */
  readonly after?: readonly object[];
  readonly before?: (settings: Settings) => readonly object[];
  readonly preTokenizer?: (settings: Settings) => object;
}

const same = (pieces: readonly Entry[]): readonly Entry[] => pieces;
const zero = (tokens: readonly string[]): Entry[] => tokens.map((token) => [token, 0]);
const FAIRSEQ = ["<s>", "<pad>", "</s>", "<unk>"];
const BERT_TEMPLATE = {
  single: () => "[CLS]:0 $A:0 [SEP]:0",
  pair: () => "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
  specials: ["[CLS]", "[SEP]", "[PAD]", "[MASK]", "<pad>", "<unk>", "[UNK]"],
};

/** fairseq's order of the first tokens; languages and the mask behind the pieces. */
const fairseq = (languages: readonly string[], single: Family["single"], pair: Family["pair"]): Family => ({
  entries: (pieces) => [...zero(FAIRSEQ), ...pieces.slice(3), ...zero([...languages, "<mask>"])],
  unknownId: 3,
  single,
  pair,
  specials: [...FAIRSEQ, ...languages, "<mask>"],
});

const source = ({ config }: Settings): string => (typeof config.src_lang === "string" ? config.src_lang : "en_XX");

const MOST_EXTRA = 10_000;

const t5: Family = {
  entries: (pieces, { config }) => {
    const count = config.extra_ids ?? 100;
    check(
      typeof count === "number" && Number.isInteger(count) && count >= 0 && count <= MOST_EXTRA,
      "file",
      () => `tokenizer_config.json: extra_ids must be a whole number up to ${MOST_EXTRA}; got ${shown(count)}`,
    );
    return [...pieces, ...zero(Array.from({ length: count }, (_, i) => `<extra_id_${count - 1 - i}>`))];
  },
  single: () => "$A </s>",
  pair: () => "$A </s> $B </s>",
  specials: ["<pad>", "</s>", "<unk>", ...Array.from({ length: 1000 }, (_, i) => `<extra_id_${i}>`)],
  after: [],
  preTokenizer: () => splitAtSpaces,
};

const xlmRoberta: Family = {
  ...fairseq(
    [],
    () => "<s> $A </s>",
    () => "<s> $A </s> </s> $B </s>",
  ),
  after: [],
  preTokenizer: () => splitAtSpaces,
};

const albert: Family = {
  entries: (pieces) =>
    pieces.map(([piece, score]) => [piece, /^.*\d,$/su.test(piece) && piece.length > 1 ? score - 100 : score]),
  ...BERT_TEMPLATE,
  before: ({ config }) => [
    replace("``", '"'),
    replace("''", '"'),
    ...(config.keep_accents === true ? [] : [{ type: "NFKD" }, { type: "StripAccents" }]),
    ...(config.do_lower_case === false ? [] : [{ type: "Lowercase" }]),
  ],
  after: [],
  preTokenizer: () => splitAtSpaces,
};

const pegasus: Family = {
  entries: (pieces, { config }) => {
    const offset = typeof config.offset === "number" ? config.offset : 103;
    const unused = Array.from({ length: offset - 2 }, (_, i): Entry => [`<unk_${i + 2}>`, -100]);
    return [...zero(["<pad>", "</s>"]), ...zero(["<mask_1>", "<mask_2>"]), ...unused, ...pieces.slice(2)];
  },
  single: () => "$A </s>",
  pair: () => "$A $B </s>",
  specials: ["<pad>", "</s>", "<mask_1>", "<mask_2>", "<unk>"],
  after: [manySpaces],
};

const deberta: Family = {
  entries: same,
  ...BERT_TEMPLATE,
  before: ({ config }) => [...(config.do_lower_case === true ? [{ type: "Lowercase" }] : []), { type: "Strip" }],
  after: [manySpaces],
  preTokenizer: ({ config }) => {
    const punctuation = config.split_by_punct === true ? [{ type: "Punctuation", behavior: "Isolated" }] : [];
    return { type: "Sequence", pretokenizers: [...punctuation, metaspace] };
  },
};

const plain: Family = { entries: same, single: () => "$A", pair: () => "$A $B", specials: [] };

/** The families whose tokenizers differ from their file, by what their names begin with. */
const families: readonly (readonly [RegExp, Family])[] = [
  [/^(u?m?t5|byt5|longt5|flant5)/, t5],
  [/^(xlmroberta|xlmr|bge)/, xlmRoberta],
  [
    /^mbart50/,
    fairseq(
      languageCodes.mbart50,
      (settings) => `${source(settings)} $A </s>`,
      (settings) => `${source(settings)} $A $B </s>`,
    ),
  ],
  [
    /^mbart/,
    fairseq(
      languageCodes.mbart,
      (settings) => `$A </s> ${source(settings)}`,
      (settings) => `$A $B </s> ${source(settings)}`,
    ),
  ],
  [/^albert/, albert],
  [/^pegasus/, pegasus],
  [/^deberta/, deberta],
  [/^bigbird/, { ...plain, ...BERT_TEMPLATE }],
];

const base64 = (bytes: Uint8Array): string => {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
};

/** A `tokenizer.json` for a SentencePiece `.model`. */
export function fromSentencePiece(model: SentencePieceModel, settings: Settings): object {
  return model.kind === "bpe" ? fromPairs(model, settings) : fromUnigram(model, settings);
}

function fromUnigram(model: SentencePieceModel, settings: Settings): object {
  const family = families.find(([name]) => name.test(settings.family))?.[1] ?? plain;
  const entries = family.entries(
    model.pieces.map(({ text, score }) => [text, score]),
    settings,
  );
  const ids = new Map(entries.map(([piece], id) => [piece, id]));
  const own = [...markedTokens(model, entries), ...family.specials.flatMap((token) => specialIn(ids, token))];
  const charsmap =
    model.charsmap.length > 0 ? [{ type: "Precompiled", precompiled_charsmap: base64(model.charsmap) }] : [];
  const [single, pair] = [family.single(settings), family.pair(settings)];
  const added = addedTokens(withMissing(own, single, entries.length), settings);
  const idOf = (token: string): number => {
    const id = added.find(({ content }) => content === token)?.id ?? ids.get(token);
    check(id !== undefined, "file", () => `the SentencePiece model has no ${token}, which this family's template adds`);
    return id;
  };
  const after = family.after ?? [{ type: "Strip", strip_left: false, strip_right: true }, manySpaces];
  return {
    added_tokens: added,
    normalizer: { type: "Sequence", normalizers: [...(family.before?.(settings) ?? []), ...charsmap, ...after] },
    pre_tokenizer: family.preTokenizer?.(settings) ?? metaspace,
    post_processor: templateOf(single, pair, idOf),
    decoder: metaspace,
    model: {
      type: "Unigram",
      vocab: entries,
      unk_id: family.unknownId ?? entries.findIndex(([piece]) => piece === model.pieces[model.unknownId]?.text),
      byte_fallback: model.byteFallback,
    },
  };
}

function specialIn(ids: ReadonlyMap<string, number>, token: string): AddedEntry[] {
  const id = ids.get(token);
  return id === undefined ? [] : [special(id, token, token === "<mask>" || token === "[MASK]")];
}

/** DeBERTa's mask stands behind the pieces of its file. */
function withMissing(own: readonly AddedEntry[], single: string, size: number): AddedEntry[] {
  const hasMask = own.some(({ content }) => content === "[MASK]");
  return hasMask || !single.startsWith("[CLS]") ? [...own] : [...own, special(size, "[MASK]", true)];
}

/** Control and user-defined pieces are found whole in text; control pieces are special. */
function markedTokens(model: SentencePieceModel, entries: readonly Entry[]): AddedEntry[] {
  const types = new Map(model.pieces.map(({ text, type }) => [text, type]));
  return entries.flatMap(([piece], id): AddedEntry[] => {
    const type = types.get(piece);
    if (type !== PieceType.control && type !== PieceType.userDefined) return [];
    return [{ ...special(id, piece), special: type === PieceType.control }];
  });
}

/** LLaMA's and Gemma's byte-pair models. */
function fromPairs(model: SentencePieceModel, settings: Settings): object {
  const { config, family } = settings;
  const entries = model.pieces.map(({ text, score }): Entry => [text, score]);
  const vocab: Record<string, number> = Object.fromEntries(entries.map(([piece], id) => [piece, id]));
  const isGemma = family.startsWith("gemma");
  const addsSpace = config.add_prefix_space !== false && !isGemma;
  const isLegacy = config.legacy !== false;
  const tail = addsSpace ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : [];
  const unknown = model.pieces[model.unknownId]?.text ?? "<unk>";
  const own = [...markedTokens(model, entries), special(model.unknownId, unknown)];
  const prefix = addsSpace ? [{ type: "Prepend", prepend: "▁" }] : [];
  const first = { ...metaspace, prepend_scheme: addsSpace ? "first" : "never", split: false };
  const split = { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false };
  return {
    added_tokens: addedTokens(own, settings),
    normalizer:
      isGemma || isLegacy ? { type: "Sequence", normalizers: [...(isGemma ? [] : prefix), replace(" ", "▁")] } : null,
    pre_tokenizer: isGemma ? split : isLegacy ? null : first,
    post_processor: pairTemplate(vocab, settings),
    decoder: { type: "Sequence", decoders: [replace("▁", " "), { type: "ByteFallback" }, { type: "Fuse" }, ...tail] },
    model: { type: "BPE", vocab, merges: mergesOf(entries), unk_token: unknown, fuse_unk: true, byte_fallback: true },
  };
}

function pairTemplate(vocab: Part, settings: Settings): object {
  const { config } = settings;
  const bos =
    config.add_bos_token === false
      ? ""
      : specialText(settings, "bos", settings.family.startsWith("gemma") ? "<bos>" : "<s>");
  const eos = config.add_eos_token === true ? specialText(settings, "eos", "</s>") : "";
  const around = (text: string, type: number): string =>
    [bos && `${bos}:${type}`, `${text}:${type}`, eos && `${eos}:${type}`].filter((part) => part !== "").join(" ");
  return templateOf(around("$A", 0), `${around("$A", 0)} ${around("$B", 1)}`, (token) => {
    const id = vocab[token];
    check(typeof id === "number", "file", () => `the SentencePiece model has no ${token}, which the template adds`);
    return id;
  });
}

/** The merges that make each piece from two others, the piece of the best score first. */
function mergesOf(entries: readonly Entry[]): [string, string][] {
  const ids = new Map(entries.map(([piece], id) => [piece, id]));
  const merges = entries.flatMap(([piece, score]) => {
    const characters = [...piece];
    const ways: { left: string; right: string; score: number; lengths: [number, number] }[] = [];
    for (let i = 1; i < characters.length; i++) {
      const [left, right] = [characters.slice(0, i).join(""), characters.slice(i).join("")];
      if (ids.has(left) && ids.has(right)) ways.push({ left, right, score, lengths: [i, characters.length - i] });
    }
    const id = (token: string): number => ids.get(token) ?? 0;
    return ways.sort((a, b) => id(a.left) - id(b.left) || id(a.right) - id(b.right));
  });
  merges.sort((a, b) => b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1]);
  return merges.map(({ left, right }) => [left, right]);
}

/** A `tokenizer.json` for Marian: the source's pieces, whose ids a `vocab.json` gives. */
export function fromMarian(model: SentencePieceModel, vocab: Part, settings: Settings): object {
  const [eos, unknown, pad] = [
    specialText(settings, "eos", "</s>"),
    specialText(settings, "unk", "<unk>"),
    specialText(settings, "pad", "<pad>"),
  ];
  const idOf = (token: string): number => {
    const id = ownEntry(vocab, token);
    check(typeof id === "number", "file", () => `vocab.json: ${token} is missing`);
    return id;
  };
  const codes = Object.keys(vocab).filter((token) => /^>>.+<<$/.test(token));
  const own = [
    ...[eos, unknown, pad].map((token) => special(idOf(token), token)),
    ...codes.map((code) => special(idOf(code), code)),
  ];
  const converted = fromUnigram(model, { ...settings, family: "" }) as {
    normalizer: { normalizers: object[] };
    model: object;
  };
  return {
    ...converted,
    normalizer: {
      type: "Sequence",
      normalizers: [...converted.normalizer.normalizers.slice(0, -2), { type: "Strip" }, manySpaces],
    },
    added_tokens: addedTokens(own, settings),
    post_processor: templateOf(`$A ${eos}`, `$A $B ${eos}`, idOf),
    model: { ...converted.model, ids: vocab, unknown },
  };
}
