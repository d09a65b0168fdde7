import { check } from "../../common/index.ts";
import { isPart, type Part } from "../json.ts";
import { bertTemplate, type ClassInput, type ClassRule, FAIRSEQ, isOn, maskWithSpace, modelOf } from "./class-rule.ts";
import { languageCodes } from "./language-codes.ts";
import { manySpaces, metaspace, replace, splitAtSpaces } from "./parts.ts";
import { templateOf } from "./settings.ts";
import { textOfToken } from "./special-tokens.ts";

const pieces = (input: ClassInput, unk_id: number): object => ({
  type: "Unigram",
  vocab: modelOf(input).vocab,
  unk_id,
});

/** SentencePiece's normalization, where the file has it. */
function charsmap({ json: { normalizer } }: ClassInput): object[] {
  const steps = isPart(normalizer) && Array.isArray(normalizer.normalizers) ? normalizer.normalizers : [normalizer];
  const found: unknown = steps.find((step) => isPart(step) && step.type === "Precompiled");
  return isPart(found) ? [found] : [];
}

const sequence = (normalizers: readonly object[]): object | null =>
  normalizers.length === 0 ? null : { type: "Sequence", normalizers };

const t5: ClassRule = {
  model: "Unigram",
  tokens: { eos_token: "</s>", unk_token: "<unk>", pad_token: "<pad>" },
  extra: ({ extra_ids: count = 100 }, additional) => {
    if (additional.some((token) => textOfToken(token).includes("<extra_id_"))) return additional;
    return [...additional, ...numbered(count, "extra_ids", (i) => `<extra_id_${i}>`)];
  },
  parts: (input) => ({
    model: pieces(input, 2),
    normalizer: charsmap(input)[0] ?? null,
    pre_tokenizer: splitAtSpaces,
    decoder: metaspace,
  }),
  template: ({ id, token }) => templateOf("$A </s>", "$A </s> $B </s>", () => id(token("eos_token"))),
};

/** The most tokens that a setting may ask for: the published ones ask for 100. */
const MOST_NUMBERED = 100_000;

function numbered(count: unknown, key: string, name: (i: number) => string): string[] {
  check(
    Number.isInteger(count) && (count as number) >= 0 && (count as number) <= MOST_NUMBERED,
    "file",
    () => `tokenizer_config.json: ${key} must be a whole number up to ${MOST_NUMBERED}; got ${JSON.stringify(count)}`,
  );
  return Array.from({ length: count as number }, (_, i) => name(i));
}

const scheme = (addsSpace: boolean, otherwise: "first" | "never"): object => ({
  ...metaspace,
  prepend_scheme: addsSpace ? "always" : otherwise,
});

/** Words between white space, each with ▁ before it. */
function spacedPieces(input: ClassInput, unknown: number): Part {
  const addsSpace = isOn(input.config.add_prefix_space, true);
  const marks = scheme(addsSpace, "never");
  return {
    model: pieces(input, unknown),
    normalizer: charsmap(input)[0] ?? null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, marks] },
    decoder: marks,
  };
}

const ALBERT = {
  bos_token: "[CLS]",
  eos_token: "[SEP]",
  unk_token: "<unk>",
  sep_token: "[SEP]",
  pad_token: "<pad>",
  cls_token: "[CLS]",
  mask_token: "[MASK]",
};

const albert: ClassRule = {
  model: "Unigram",
  tokens: ALBERT,
  parts: (input) => ({
    ...spacedPieces(input, 1),
    normalizer: sequence([
      replace("``", '"'),
      replace("''", '"'),
      ...(isOn(input.config.keep_accents, false) ? [] : [{ type: "NFKD" }, { type: "StripAccents" }]),
      ...(isOn(input.config.do_lower_case, true) ? [{ type: "Lowercase" }] : []),
      ...charsmap(input),
    ]),
  }),
  template: bertTemplate,
};

/** The place of the unknown piece, whose score is 0. */
function unknownPiece(input: ClassInput, usual: number): number {
  const vocab = modelOf(input).vocab as readonly unknown[];
  const found = vocab.findIndex(
    (entry) => Array.isArray(entry) && entry[0] === input.token("unk_token") && entry[1] === 0,
  );
  return found < 0 ? usual : found;
}

const bigBird: ClassRule = {
  model: "Unigram",
  tokens: { ...ALBERT, bos_token: "<s>", eos_token: "</s>", mask_token: { ...maskWithSpace, content: "[MASK]" } },
  parts: (input) => {
    const marks = scheme(isOn(input.config.add_prefix_space, true), "never");
    return {
      model: pieces(input, unknownPiece(input, 100)),
      normalizer: { type: "Replace", pattern: { Regex: " {2,}" }, content: "▁" },
      pre_tokenizer: marks,
      decoder: marks,
    };
  },
  template: bertTemplate,
};

const debertaV2: ClassRule = {
  model: "Unigram",
  tokens: { ...ALBERT, unk_token: "[UNK]", pad_token: "[PAD]" },
  parts: (input) => {
    const { config } = input;
    const marks = scheme(isOn(config.add_prefix_space, true), "first");
    return {
      model: pieces(input, unknownPiece(input, typeof config.unk_id === "number" ? config.unk_id : 1)),
      normalizer: sequence([
        ...(isOn(config.do_lower_case, false) ? [{ type: "Lowercase" }] : []),
        { type: "Replace", pattern: { Regex: "\\s{2,}|[\\n\\r\\t]" }, content: " " },
        { type: "NFC" },
        { type: "Strip", strip_left: false, strip_right: true },
      ]),
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [
          ...(isOn(config.split_by_punct, false) ? [{ type: "Punctuation", behavior: "Isolated" }] : []),
          marks,
        ],
      },
      decoder: marks,
    };
  },
  template: bertTemplate,
};

const xlmRoberta: ClassRule = {
  model: "Unigram",
  tokens: FAIRSEQ,
  parts: (input) => spacedPieces(input, 3),
  template: ({ token, id }) => {
    const [bos, eos] = [token("bos_token"), token("eos_token")];
    return templateOf(`${bos} $A ${eos}`, `${bos} $A ${eos} ${eos} $B ${eos}`, id);
  },
};

const pegasus: ClassRule = {
  model: "Unigram",
  tokens: { pad_token: "<pad>", eos_token: "</s>", unk_token: "<unk>", mask_token: "<mask_2>" },
  extra: ({ offset = 103 }, additional) => {
    const isListed = additional.some((token) => textOfToken(token) === "<mask_1>");
    const unknown = numbered(offset, "offset", (i) => `<unk_${i}>`).slice(2);
    return isListed ? unknown : ["<mask_1>", ...unknown];
  },
  parts: (input) => {
    const own = charsmap(input);
    const first = own.length > 0 ? own : [{ type: "Replace", pattern: { Regex: "\\n" }, content: " " }];
    return {
      model: pieces(input, unknownPiece(input, -1)),
      normalizer: sequence([...first, manySpaces]),
      pre_tokenizer: metaspace,
      decoder: metaspace,
    };
  },
  template: ({ token, id }) => templateOf(`$A ${token("eos_token")}`, `$A $B ${token("eos_token")}`, id),
};

const source = ({ src_lang: language }: Part): string => (typeof language === "string" ? language : "en_XX");

const mbart: ClassRule = {
  model: "Unigram",
  tokens: { ...FAIRSEQ, mask_token: maskWithSpace },
  extra: (_, additional) => [...languageCodes.mbart, ...additional],
  parts: (input) => ({
    model: pieces(input, 3),
    normalizer: null,
    pre_tokenizer: splitAtSpaces,
    decoder: metaspace,
  }),
  template: ({ config, token, id }) => {
    const after = `${token("eos_token")} ${source(config)}`;
    return templateOf(`$A ${after}`, `$A $B ${after}`, id);
  },
};

const { bos_token: _, ...withoutStart } = mbart.tokens;

const mbart50: ClassRule = {
  ...mbart,
  tokens: withoutStart,
  extra: (_, additional) => [...additional, ...languageCodes.mbart50],
  parts: (input) => ({
    model: pieces(input, 3),
    normalizer: sequence([...charsmap(input), manySpaces]),
    pre_tokenizer: metaspace,
    decoder: metaspace,
  }),
  template: ({ config, token, id }) => {
    const [before, after] = [source(config), token("eos_token")];
    return templateOf(`${before} $A ${after}`, `${before} $A $B ${after}`, id);
  },
};

/** Classes of unigram models. */
export const pieceClasses = {
  AlbertTokenizer: albert,
  BigBirdTokenizer: bigBird,
  DebertaV2Tokenizer: debertaV2,
  MBart50Tokenizer: mbart50,
  MBartTokenizer: mbart,
  PegasusTokenizer: pegasus,
  T5Tokenizer: t5,
  XLMRobertaTokenizer: xlmRoberta,
} satisfies Readonly<Record<string, ClassRule>>;
