import { check, checkValue, isListOf, isObject, isTokenIds, type Rule, rules, shown } from "../common/index.ts";

import { isByteToken } from "./byte-fallback.ts";
import type { MarkedChat } from "./chat-answers.ts";
import type { Message } from "./chat-message.ts";
import { type ChatOptions, type ChatTemplates, renderChat, renderMarkedChat } from "./chat-template.ts";
import { TokenizerCore } from "./core.ts";
import { cleanUp } from "./decoders.ts";
import { fingerprint } from "./fingerprint.ts";
import { isPart } from "./json.ts";
import { finishRows, type TokenAt } from "./post-processors.ts";
import { StreamDecoder } from "./stream-decoder.ts";
import { type ToolCallForm, toolCallForm } from "./tool-calls.ts";
import { cutRows, type Offset, padRow, type Row, type Truncation } from "./truncation.ts";

/** Options of encoding one text. */
export interface EncodeOptions {
  /** A second text, joined as the tokenizer's template says; an empty one too. */
  readonly pair?: string;
  /** True if special tokens, such as start and end tokens, are added; default true. */
  readonly addSpecialTokens?: boolean;
  /** True if the offsets of the tokens are returned. */
  readonly offsets?: boolean;
  /** The largest number of tokens, including those that the template adds. */
  readonly maxLength?: number;
  /** The text of a pair that `maxLength` cuts; default the longer first, then both alike. */
  readonly truncation?: Truncation;
  /** The side that is truncated; default that of the tokenizer's config, else right. */
  readonly truncationSide?: "left" | "right";
  /** The number of tokens by which each of the `overflowing` rows overlaps the one before; default 0. */
  readonly stride?: number;
}

/** Options of encoding a batch of texts. */
export interface BatchOptions extends Omit<EncodeOptions, "pair" | "offsets" | "stride"> {
  /** The second texts of pairs, one for each text. */
  readonly pairs?: readonly string[];
  /** The side on which shorter rows are padded; default that of the tokenizer's config, else right. */
  readonly paddingSide?: "left" | "right";
  /** The least length of rows; default that of the longest. */
  readonly padTo?: number;
  /** The number that the length of rows is a multiple of; default as `tokenizer.json` says, else 1. */
  readonly padToMultipleOf?: number;
}

/** Rows of one length. */
export interface EncodedBatch {
  /** `[B][T]`, the token ids. */
  readonly inputIds: number[][];
  /** 1 = token, 0 = padding. */
  readonly attentionMask: number[][];
  /** 0 for the first text and its template, 1 for the second. */
  readonly tokenTypeIds: number[][];
}

/** The tokens of one text, or of a pair of texts. */
export interface Encoding {
  /** The token ids. */
  readonly ids: number[];
  /** The tokens as the vocabulary writes them. */
  readonly tokens: string[];
  /** 0 for the first text and its template, 1 for the second. */
  readonly typeIds: number[];
  /** 1 for tokens that the template adds. */
  readonly specialTokensMask: number[];
  /** The range of each token in its own text, in code points; [0, 0] for tokens that the template adds. */
  readonly offsets?: readonly Offset[];
  /** The tokens that `maxLength` cut off, in rows of that length with the template's tokens around them. */
  readonly overflowing?: readonly Encoding[];
}

/** Options of decoding token ids. */
export interface DecodeOptions {
  /** True if special tokens are left out; default false. */
  readonly skipSpecialTokens?: boolean;
  /** True if spaces before punctuation are removed; default as in the tokenizer's config. Never done for BPE. */
  readonly cleanUpSpaces?: boolean;
}

/** So many padding tokens at most are added to a batch. */
const MOST_PADDED = 1 << 24;

/** The tokens that a tokenizer's config gives a role. */
const SPECIAL = ["bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token"];

/** The setting that asks for what is otherwise never done. */
const CLEANS_BYTE_PAIRS = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output";
const tokenIds: Rule = {
  fits: isTokenIds,
  expected: "a list of token ids, whole numbers from 0",
};

const conversation: Rule = {
  fits: (value) => isListOf(value, (message) => isObject(message) && rules.text.fits(message.role)),
  expected: 'a list of messages, as [{ role: "user", content: "Hello" }]',
};

/** The tokenizer a model was trained with: `tokenizer.json`, `tokenizer_config.json` and a chat template. */
export class Tokenizer {
  readonly #core: TokenizerCore;
  readonly #config: Readonly<Record<string, unknown>>;
  readonly #templates: ChatTemplates;
  readonly #padding: Readonly<Record<string, unknown>>;
  readonly #truncation: Readonly<Record<string, unknown>>;
  readonly #continuingPrefix: string | undefined;
  /** The types of the decoder and of its parts. */
  readonly decoderTypes: ReadonlySet<string>;
  /** Tokens of BPE hold every space of the text, so there is nothing to clean up, whatever the config says. */
  readonly #isBytePairs: boolean;

  /** @param json what a `tokenizer.json` holds */
  constructor(json: object, config: Readonly<Record<string, unknown>>, templates: ChatTemplates = {}) {
    this.#core = new TokenizerCore(json, config.split_special_tokens === true);
    const { padding, truncation, model, decoder } = json as Readonly<Record<string, unknown>>;
    this.#config = config;
    this.#templates = templates;
    this.#padding = isPart(padding) ? padding : {};
    this.#truncation = isPart(truncation) ? truncation : {};
    this.#isBytePairs = isPart(model) && (model.type === "BPE" || "merges" in model);
    const types = JSON.stringify(decoder ?? null).matchAll(/"type":"(\w+)"/g);
    this.decoderTypes = new Set(Array.from(types, ([, type]) => type as string));
    const prefix = isPart(model) ? model.continuing_subword_prefix : undefined;
    this.#continuingPrefix = typeof prefix === "string" && prefix !== "" ? prefix : undefined;
  }

  /** One more than the largest id. */
  get vocabularySize(): number {
    return this.#core.size;
  }

  /** The same, without tokens that only settings declare: a model may have no row for these. */
  get ownVocabularySize(): number {
    return this.#core.ownSize;
  }

  /** True if an id is one of the tokens that are found whole in text, as special tokens are. */
  isAdded(id: number): boolean {
    return this.#core.added.byId.has(id);
  }

  /** A fingerprint of the vocabulary: 16 hexadecimal digits that follow from the tokens and their ids. */
  get fingerprint(): string {
    return fingerprint(Array.from({ length: this.#core.ownSize }, (_, id) => this.#core.token(id) ?? ""));
  }

  /** Encodes a text, or a pair of texts, as token ids. */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    return this.#encoding(this.#row(text, options));
  }

  #row(text: string, options: EncodeOptions): Row {
    const { pair, addSpecialTokens = true, offsets = false, maxLength } = options;
    const texts = pair === undefined ? [text] : [text, pair];
    for (const one of texts) checkValue("encode: a text", one, rules.text);
    const rows = texts.map((one) => this.#core.encode(one.toWellFormed(), offsets));
    const cut = maxLength === undefined ? rows : this.#cut(rows, maxLength, options);
    return finishRows(this.#core.postProcessor, cut, addSpecialTokens, this.#tokenAt);
  }

  readonly #tokenAt: TokenAt = (row, index) =>
    row.written?.get(index) ?? this.#core.token(row.ids[index] as number) ?? "";

  #cut(rows: readonly Row[], maxLength: number, options: EncodeOptions): Row[] {
    const added = options.addSpecialTokens === false ? 0 : this.#core.postProcessor.added(rows.length > 1);
    check(
      Number.isInteger(maxLength) && maxLength >= added,
      "usage",
      () => `maxLength ${shown(maxLength)} has no room for the ${added} tokens that the tokenizer adds`,
    );
    return cutRows(rows, {
      maxLength: maxLength - added,
      strategy: options.truncation ?? "longest_first",
      stride: options.stride ?? 0,
      side: options.truncationSide ?? side(this.#config.truncation_side, this.#truncation.direction),
    });
  }

  #encoding({ ids, typeIds, special, offsets, overflowing }: Row): Encoding {
    return {
      ids,
      tokens: ids.map((id, i) => (special[i] === 1 ? this.#core.token(id) : this.#core.tokenInText(id)) ?? ""),
      typeIds,
      specialTokensMask: special,
      ...(offsets && { offsets }),
      ...(overflowing && { overflowing: overflowing.map((row) => this.#encoding(row)) }),
    };
  }

  /** Encodes several texts and fills the shorter rows up. */
  encodeBatch(texts: readonly string[], options: BatchOptions = {}): EncodedBatch {
    checkValue("encodeBatch: the texts", texts, rules.texts);
    const { pairs, paddingSide, padTo = 0, padToMultipleOf, ...single } = options;
    check(
      pairs === undefined || pairs.length === texts.length,
      "usage",
      () => `encodeBatch: one second text for each of ${texts.length} texts; got ${pairs?.length}`,
    );
    const multiple = padToMultipleOf ?? this.#padding.pad_to_multiple_of ?? 1;
    check(
      Number.isInteger(multiple) && (multiple as number) > 0 && Number.isInteger(padTo) && padTo >= 0,
      "usage",
      () => `encodeBatch: padTo ${padTo} and padToMultipleOf ${multiple} must be whole numbers`,
    );
    const rows = texts.map((text, i) => this.#row(text, { ...single, ...(pairs && { pair: pairs[i] as string }) }));
    const width = rows.reduce((longest, { ids }) => Math.max(longest, ids.length), padTo);
    const length = Math.ceil(width / (multiple as number)) * (multiple as number);
    check(
      rows.reduce((sum, { ids }) => sum + length - ids.length, 0) <= MOST_PADDED,
      "usage",
      () =>
        `encodeBatch: filling ${rows.length} rows up to ${length} tokens takes more than ${MOST_PADDED} of padding; lower padTo, padToMultipleOf, or pad_to_multiple_of in tokenizer.json`,
    );
    const padsAt = paddingSide ?? side(this.#config.padding_side, this.#padding.direction);
    const [id, typeId] = [this.padId ?? 0, Number(this.#padding.pad_type_id ?? 0)];
    const padded = rows.map((row) => padRow(row, { length, id, typeId, side: padsAt }));
    return {
      inputIds: padded.map(({ ids }) => ids),
      attentionMask: rows.map(({ ids }) => {
        const mask = Array.from({ length }, (_, i) => ((padsAt === "left" ? length - 1 - i : i) < ids.length ? 1 : 0));
        return mask;
      }),
      tokenTypeIds: padded.map(({ typeIds }) => typeIds),
    };
  }

  /** The id of the padding token, where there is one. */
  get padId(): number | undefined {
    return this.specialId("pad_token");
  }

  /** The id of a token that the tokenizer's config names, such as `mask_token`. */
  specialId(name: `${"pad" | "mask" | "bos" | "eos" | "cls" | "sep" | "unk"}_token`): number | undefined {
    const token = tokenText(this.#config[name]);
    return token === undefined ? undefined : this.id(token);
  }

  /** The tokens that are no text, as transformers' `all_special_ids`: those that the config names, one by one or in a list. */
  get specialIds(): ReadonlySet<number> {
    const { additional_special_tokens: additional, extra_special_tokens: extra } = this.#config;
    const listed = [additional, extra, this.#config.model_specific_special_tokens].flatMap((list) =>
      isPart(list) || Array.isArray(list) ? Object.values(list) : [],
    );
    const tokens = [...SPECIAL.map((name) => this.#config[name]), ...listed].map(tokenText);
    return new Set(tokens.flatMap((token) => (token === undefined ? [] : (this.id(token) ?? []))));
  }

  /** Tokens of a text at most, as `tokenizer_config.json` says; undefined where it gives no such bound. */
  get maxLength(): number | undefined {
    const most = this.#config.model_max_length ?? this.#config.max_len;
    return typeof most === "number" && most > 0 && most < 1e9 ? most : undefined;
  }

  /** The tokenizer's class as the checkpoint names it, such as `MBart50TokenizerFast`. */
  get className(): string | undefined {
    const { tokenizer_class: name } = this.#config;
    return typeof name === "string" ? name : undefined;
  }

  /** The prefix of a token that continues a word, such as `##`; undefined for tokenizers that do not mark it so. */
  get continuingPrefix(): string | undefined {
    return this.#continuingPrefix;
  }

  /** Tokens as text. */
  joinTokens(tokens: readonly string[]): string {
    return this.#core.decoder ? this.#core.decoder(tokens).join("") : tokens.join(" ");
  }

  /** The id of a token; undefined for what is none. */
  id(token: string): number | undefined {
    return this.#core.id(token);
  }

  /** Decodes token ids as text. */
  decode(ids: readonly number[], { skipSpecialTokens = false, cleanUpSpaces }: DecodeOptions = {}): string {
    checkValue("decode: the ids", ids, tokenIds);
    const text = this.#core.decode(ids, skipSpecialTokens);
    const cleans = cleanUpSpaces ?? this.#config.clean_up_tokenization_spaces === true;
    const corrupts = this.#isBytePairs && this.#config[CLEANS_BYTE_PAIRS] !== true;
    return cleans && !corrupts ? cleanUp(text) : text;
  }

  /** The token with an id, as the vocabulary writes it. */
  token(id: number): string | undefined {
    return this.#core.token(id);
  }

  /** Decodes ids one by one; half a character waits for its other half. */
  stream(options: DecodeOptions = {}): StreamDecoder {
    const waits = (id: number): boolean => this.decoderTypes.has("ByteFallback") && isByteToken(this.token(id));
    return new StreamDecoder((ids) => this.decode(ids, options), waits);
  }

  /** The checkpoint's usual chat template, as it stands. */
  get chatTemplate(): string | undefined {
    return this.#templates.default;
  }

  /** True if the checkpoint has a chat template. */
  get hasChatTemplate(): boolean {
    return Object.keys(this.#templates).length > 0;
  }

  /** A conversation as the text the model was trained on; throws where the model has no chat template. */
  applyChatTemplate(messages: readonly Message[], options: ChatOptions = {}): string {
    checkValue("applyChatTemplate: the conversation", messages, conversation);
    return renderChat(this.#templates, messages, options, this.#specialTokens);
  }

  /** The same with where the template marks answers, as transformers' `{% generation %}` does; undefined if it does not. */
  applyMarkedChatTemplate(messages: readonly Message[], options: ChatOptions = {}): MarkedChat | undefined {
    checkValue("applyChatTemplate: the conversation", messages, conversation);
    return renderMarkedChat(this.#templates, messages, options, this.#specialTokens);
  }

  /** The form in which the chat template writes calls of tools; undefined where it writes none. */
  toolCallForm(options: ChatOptions = {}): ToolCallForm | undefined {
    if (!this.hasChatTemplate) return undefined;
    const plain = { ...options, addGenerationPrompt: false, continueFinalMessage: false };
    return toolCallForm((messages) => this.applyChatTemplate(messages, plain));
  }

  get #specialTokens(): Readonly<Record<string, string | undefined>> {
    const { model_specific_special_tokens: specific } = this.#config;
    const named = Object.fromEntries(SPECIAL.map((key) => [key, tokenText(this.#config[key])]));
    return { ...named, ...(specific as Readonly<Record<string, string>> | undefined) };
  }
}

/** The end that is filled up or cut: the config goes before `tokenizer.json`. */
function side(configured: unknown, direction: unknown): "left" | "right" {
  return String(configured ?? direction ?? "right").toLowerCase() === "left" ? "left" : "right";
}

function tokenText(token: unknown): string | undefined {
  if (typeof token === "string") return token;
  return (token as { content?: string } | undefined)?.content;
}
