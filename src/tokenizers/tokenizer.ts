import { Tokenizer as Core } from "@huggingface/tokenizers";
import { check, LecternError } from "../common/index.ts";
import type { FileSource } from "../runtime/index.ts";
import { isByteToken, mendByteFallback } from "./byte-fallback.ts";
import { type ChatOptions, type ChatTemplates, type Message, readChatTemplates, renderChat } from "./chat-template.ts";
import { alignOffsets, type Offset, offsetKind, type TokenizerJson } from "./offsets.ts";
import { StreamDecoder } from "./stream-decoder.ts";
import { splitAtWords } from "./word-split.ts";

export interface EncodeOptions {
  /** A second text, joined as the tokenizer's template says. */
  readonly pair?: string;
  /** Start and end tokens and the like; default true. */
  readonly addSpecialTokens?: boolean;
  /** Also where each token stands in the text; takes as long again. */
  readonly offsets?: boolean;
  /** Tokens at most, those that the template adds among them; the longer of a pair is cut first, at its end. */
  readonly maxLength?: number;
}

export interface BatchOptions extends Omit<EncodeOptions, "pair" | "offsets"> {
  /** The second texts of pairs, one for each text. */
  readonly pairs?: readonly string[];
  /** On which side shorter rows are filled up; default what the tokenizer's config says, else right. */
  readonly paddingSide?: "left" | "right";
}

/** Rows of one length. */
export interface EncodedBatch {
  readonly inputIds: number[][];
  /** 1 = token, 0 = padding. */
  readonly attentionMask: number[][];
  /** 0 for the first text and its template, 1 for the second. */
  readonly tokenTypeIds: number[][];
}

export interface Encoding {
  readonly ids: number[];
  readonly tokens: string[];
  /** 0 for the first text and its template, 1 for the second. */
  readonly typeIds: number[];
  /**
   * Where each token stands in the text, in code points; [0, 0] for tokens that the template adds. Absent for pairs
   * and for tokenizers that rewrite their text (WordPiece, unigram).
   */
  readonly offsets?: readonly Offset[];
}

/** The tokenizer a model was trained with: `tokenizer.json`, `tokenizer_config.json` and a chat template. */
export class Tokenizer {
  readonly #core: Core;
  readonly #config: Readonly<Record<string, unknown>>;
  readonly #templates: ChatTemplates;
  readonly #json: TokenizerJson;
  readonly #hasByteTokens: boolean;
  /** Byte-level tokens hold every space of the text, so there is nothing to clean up, whatever the config says. */
  readonly #isByteLevel: boolean;

  constructor(json: object, config: Readonly<Record<string, unknown>>, templates: ChatTemplates = {}) {
    this.#core = new Core(withKnownModel(json), config);
    splitAtWords(this.#core);
    this.#config = config;
    this.#templates = templates;
    this.#json = json;
    this.#isByteLevel = JSON.stringify((json as { decoder?: unknown }).decoder ?? null).includes('"ByteLevel"');
    this.#hasByteTokens = mendByteFallback(this.#core.decoder);
  }

  /** One more than the largest id. */
  get vocabularySize(): number {
    let largest = -1;
    for (const id of this.#core.get_vocab().values()) largest = Math.max(largest, id);
    return largest + 1;
  }

  encode(
    text: string,
    { pair, addSpecialTokens = true, offsets: withOffsets = false, maxLength }: EncodeOptions = {},
  ): Encoding {
    const options = {
      text_pair: pair?.toWellFormed() ?? null,
      add_special_tokens: addSpecialTokens,
      return_token_type_ids: true,
    };
    const { ids, tokens, token_type_ids } = this.#core.encode(text.toWellFormed(), options);
    const offsets = withOffsets && pair === undefined ? this.#offsets(text.toWellFormed(), ids) : undefined;
    const typeIds = token_type_ids ?? ids.map(() => 0);
    if (maxLength === undefined || ids.length <= maxLength)
      return { ids, tokens, typeIds, ...(offsets && { offsets }) };
    const keep = this.#kept(text, pair, ids, maxLength);
    const pick = <T>(all: readonly T[]): T[] => keep.map((i) => all[i] as T);
    return { ids: pick(ids), tokens: pick(tokens), typeIds: pick(typeIds), ...(offsets && { offsets: pick(offsets) }) };
  }

  /** Encodes several texts and fills the shorter rows up. */
  encodeBatch(texts: readonly string[], { pairs, paddingSide, ...options }: BatchOptions = {}): EncodedBatch {
    check(
      pairs === undefined || pairs.length === texts.length,
      "usage",
      () => `encodeBatch: one second text for each of ${texts.length} texts; came ${pairs?.length}`,
    );
    const rows = texts.map((text, i) => this.encode(text, { ...options, ...(pairs && { pair: pairs[i] as string }) }));
    const width = Math.max(0, ...rows.map(({ ids }) => ids.length));
    const left = (paddingSide ?? this.#config.padding_side) === "left";
    const fill = (row: readonly number[], value: number): number[] => {
      const padding = Array.from({ length: width - row.length }, () => value);
      return left ? [...padding, ...row] : [...row, ...padding];
    };
    const padId = this.padId ?? 0;
    return {
      inputIds: rows.map(({ ids }) => fill(ids, padId)),
      attentionMask: rows.map(({ ids }) =>
        fill(
          ids.map(() => 1),
          0,
        ),
      ),
      tokenTypeIds: rows.map(({ typeIds }) => fill(typeIds, 0)),
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

  /** Tokens of a text at most, as `tokenizer_config.json` says; undefined where it gives no such bound. */
  get maxLength(): number | undefined {
    const { model_max_length: most } = this.#config;
    return typeof most === "number" && most > 0 && most < 1e9 ? most : undefined;
  }

  /** The tokenizer's class as the checkpoint names it, such as `MBart50TokenizerFast`. */
  get className(): string | undefined {
    const { tokenizer_class: name } = this.#config;
    return typeof name === "string" ? name : undefined;
  }

  /** What marks a token that goes on a word, such as `##`; undefined for tokenizers that do not mark it so. */
  get continuingPrefix(): string | undefined {
    const { model } = this.#json as { model?: { continuing_subword_prefix?: string | null } };
    return model?.continuing_subword_prefix || undefined;
  }

  /** Tokens as text. */
  joinTokens(tokens: readonly string[]): string {
    return this.#core.decoder ? this.#core.decoder.decode([...tokens]) : tokens.join(" ");
  }

  /** The id of a token; undefined for what is none. */
  id(token: string): number | undefined {
    return this.#core.token_to_id(token);
  }

  /** Which tokens stay when a text or a pair is cut: the template's all, then the shorter text's before the longer's. */
  #kept(text: string, pair: string | undefined, ids: readonly number[], maxLength: number): number[] {
    const bare = (part: string | undefined): number[] =>
      part === undefined ? [] : this.#core.encode(part.toWellFormed(), { add_special_tokens: false }).ids;
    const [first, second] = [bare(text), bare(pair)];
    const added = ids.length - first.length - second.length;
    check(
      maxLength >= added,
      "usage",
      () => `maxLength ${maxLength} has no room for the ${added} tokens that the tokenizer adds`,
    );
    const [a, b] = pair === undefined ? [maxLength - added, 0] : shares(first.length, second.length, maxLength - added);
    const start = find(ids, first, 0);
    const startOfSecond = find(ids, second, start + first.length);
    return [...ids.keys()].filter(
      (i) =>
        !(i >= start + a && i < start + first.length) && !(i >= startOfSecond + b && i < startOfSecond + second.length),
    );
  }

  #offsets(text: string, ids: readonly number[]): Offset[] | undefined {
    const kind = offsetKind(this.#json);
    if (!kind) return undefined;
    const inner = this.#core.encode(text, { add_special_tokens: false });
    const before = ids.length - inner.ids.length - this.#trailing(ids, inner.ids);
    const added = new Set(this.#json.added_tokens?.map(({ content }) => content));
    const aligned = alignOffsets(text, inner.tokens, kind, added);
    return ids.map((_, i) => aligned[i - before] ?? [0, 0]);
  }

  /** How many tokens the template puts behind the text's own. */
  #trailing(ids: readonly number[], inner: readonly number[]): number {
    const most = ids.length - inner.length;
    for (let count = 0; count <= most; count++) {
      const start = most - count;
      if (inner.every((id, i) => ids[start + i] === id)) return count;
    }
    return 0;
  }

  decode(ids: readonly number[], { skipSpecialTokens = false }: { skipSpecialTokens?: boolean } = {}): string {
    if (ids.length === 0) return "";
    const clean = this.#config.clean_up_tokenization_spaces === true && !this.#isByteLevel;
    return this.#core.decode([...ids], { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: clean });
  }

  token(id: number): string | undefined {
    return this.#core.id_to_token(id);
  }

  /** Decodes ids one by one; half a character waits for its other half. */
  stream(options: { skipSpecialTokens?: boolean } = {}): StreamDecoder {
    const waits = (id: number): boolean => this.#hasByteTokens && isByteToken(this.token(id));
    return new StreamDecoder((ids) => this.decode(ids, options), waits);
  }

  get hasChatTemplate(): boolean {
    return Object.keys(this.#templates).length > 0;
  }

  /** A conversation as the text the model was trained on; throws where the model has no chat template. */
  applyChatTemplate(messages: readonly Message[], options: ChatOptions = {}): string {
    const names = ["bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token"];
    const special = Object.fromEntries(names.map((key) => [key, tokenText(this.#config[key])]));
    return renderChat(this.#templates, messages, options, special);
  }
}

/**
 * The core does not know WordLevel, but a WordPiece whose pieces never go on is the same: a word is found whole, or it is
 * unknown.
 */
function withKnownModel(json: object): object {
  const { model, ...rest } = json as { model?: { type?: string } };
  if (model?.type !== "WordLevel") return json;
  const words = { continuing_subword_prefix: "\uF8FF", max_input_chars_per_word: Number.MAX_SAFE_INTEGER };
  return { ...rest, model: { ...model, ...words, type: "WordPiece" } };
}

/** How much of each of two texts fits: the longer gives first, then both alike, as in the tokenizers library. */
function shares(first: number, second: number, room: number): [number, number] {
  const shorter = Math.min(first, second);
  const longer = Math.max(shorter, room - shorter);
  const half = Math.floor(room / 2);
  const [a, b] = shorter + longer > room ? [half, room - half] : [shorter, longer];
  return first > second ? [b, a] : [a, b];
}

/** Where `part` stands in `whole`, from an index on. */
function find(whole: readonly number[], part: readonly number[], from: number): number {
  for (let at = from; at + part.length <= whole.length; at++)
    if (part.every((id, i) => whole[at + i] === id)) return at;
  return from;
}

function tokenText(token: unknown): string | undefined {
  if (typeof token === "string") return token;
  return (token as { content?: string } | undefined)?.content;
}

/** A tokenizer of single characters, in the order of their ids. */
function characterTokenizer(characters: readonly string[]): Tokenizer {
  const vocab = Object.fromEntries(characters.map((character, id) => [character, id]));
  const model = { type: "BPE", vocab, merges: [] };
  const json = { model, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null };
  return new Tokenizer({ ...json, decoder: { type: "Fuse" } }, {});
}

/**
 * Reads a directory's tokenizer: `tokenizer.json`, or the characters that `config.json` lists as its `vocab`;
 * undefined where there is neither.
 */
export async function loadTokenizer(files: FileSource): Promise<Tokenizer | undefined> {
  if (!(await files.has("tokenizer.json"))) {
    const text = (await files.has("config.json")) ? await files.readText("config.json") : "{}";
    const { vocab } = JSON.parse(text) as { vocab?: unknown };
    return Array.isArray(vocab) ? characterTokenizer(vocab as string[]) : undefined;
  }
  const read = async (name: string): Promise<Record<string, unknown>> => {
    try {
      return JSON.parse(await files.readText(name)) as Record<string, unknown>;
    } catch (cause) {
      throw new LecternError("file", `${files.location}: ${name} cannot be read: ${(cause as Error).message}`, {
        cause,
      });
    }
  };
  const json = await read("tokenizer.json");
  const config = (await files.has("tokenizer_config.json")) ? await read("tokenizer_config.json") : {};
  const templates = await readChatTemplates(files, config);
  try {
    return new Tokenizer(json, config, templates);
  } catch (cause) {
    throw new LecternError(
      "file",
      `${files.location}: tokenizer.json is not a tokenizer: ${(cause as Error).message}`,
      { cause },
    );
  }
}
