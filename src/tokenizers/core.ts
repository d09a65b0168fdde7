import { check, LecternError } from "../common/index.ts";
import { AddedTokens } from "./added-tokens.ts";
import { createDecoder, type Decoder } from "./decoders.ts";
import { checkDepth, isPart, type Part, typed } from "./json.ts";
import { BytePairs } from "./models/bpe.ts";
import { Unigram } from "./models/unigram.ts";
import { WordLevel } from "./models/word-level.ts";
import type { WordModel } from "./models/word-model.ts";
import { WordPiece } from "./models/word-piece.ts";
import { createNormalizer } from "./normalizers.ts";
import { createPostProcessor, type PostProcessor } from "./post-processors.ts";
import { createPreTokenizer, type PreTokenizer, withBytes } from "./pre-tokenizers.ts";
import { Text } from "./text.ts";
import type { Row } from "./truncation.ts";

/** The steps that a `tokenizer.json` describes, from text to ids and back. */
export class TokenizerCore {
  readonly added: AddedTokens;
  readonly postProcessor: PostProcessor;
  readonly decoder: Decoder | undefined;
  readonly #preTokenizer: PreTokenizer | undefined;
  readonly #model: WordModel;
  readonly #tokens: string[] = [];
  /** True if ids depend on where normalized text came from. */
  readonly #alwaysTracks: boolean;

  constructor(json: unknown, splitsSpecial = false) {
    check(isPart(json), "file", () => "tokenizer.json must hold an object");
    checkDepth([json.normalizer, json.pre_tokenizer, json.post_processor, json.decoder]);
    const normalizer = isSet(json.normalizer) ? createNormalizer(json.normalizer) : undefined;
    const preTokenizer = isSet(json.pre_tokenizer) ? createPreTokenizer(json.pre_tokenizer) : undefined;
    this.#model = createModel(json, preTokenizer);
    this.#preTokenizer = preTokenizer && !(this.#model instanceof BytePairs) ? withBytes(preTokenizer) : preTokenizer;
    this.added = new AddedTokens(json.added_tokens, normalizer, this.#model.vocabulary, splitsSpecial);
    this.postProcessor = createPostProcessor(json.post_processor);
    this.decoder = isSet(json.decoder) ? createDecoder(json.decoder) : undefined;
    this.#alwaysTracks = normalizer !== undefined && JSON.stringify(json.pre_tokenizer ?? null).includes('"first"');
    for (const [token, id] of this.#model.vocabulary) this.#tokens[id] = token;
    for (const { id, content } of this.added.byId.values()) this.#tokens[id] = content;
  }

  /** One more than the largest id. */
  get size(): number {
    return this.#tokens.length;
  }

  /** The same, without the tokens that only settings beside the vocabulary declare. */
  get ownSize(): number {
    let size = this.size;
    while (
      size > 0 &&
      this.added.byId.get(size - 1)?.declared &&
      !this.#model.vocabulary.has(this.#tokens[size - 1] ?? "")
    )
      size--;
    return size;
  }

  id(token: string): number | undefined {
    return this.added.byContent.get(token)?.id ?? this.#model.vocabulary.get(token);
  }

  token(id: number): string | undefined {
    return this.#tokens[id];
  }

  /** A token as it looks in a normalized text, which differs for added tokens that are normalized. */
  tokenInText(id: number): string | undefined {
    return this.added.byId.get(id)?.written ?? this.#tokens[id];
  }

  /** A text's own tokens, before anything is added or cut. */
  encode(text: string, tracked: boolean): Row {
    const row: Row = { ids: [], typeIds: [], special: [], ...(tracked && { offsets: [], written: new Map() }) };
    for (const { text: part, id } of this.added.extract(Text.of(text, tracked || this.#alwaysTracks))) {
      if (id === undefined) {
        this.#encodePart(part, row);
        continue;
      }
      row.written?.set(row.ids.length, part.text);
      row.offsets?.push(part.offset(0, part.text.length));
      row.ids.push(id);
    }
    return row;
  }

  #encodePart(part: Text, { ids, offsets }: Row): void {
    const whole = { text: part, bounds: part.text === "" ? [] : [0, part.text.length] };
    const { text, bounds } = this.#preTokenizer ? this.#preTokenizer.cut(whole) : whole;
    for (let i = 0; i < bounds.length; i += 2) {
      const start = bounds[i] as number;
      const tokens = this.#model.tokenize(text.text.slice(start, bounds[i + 1]));
      for (let at = 0; at < tokens.ids.length; at++) ids.push(tokens.ids[at] as number);
      if (!offsets) continue;
      for (let at = 0; at < tokens.spans.length; at += 2)
        offsets.push(text.offset(start + (tokens.spans[at] as number), start + (tokens.spans[at + 1] as number)));
    }
  }

  /** Ids as text. Unknown ids are left out; added tokens are read as they look once normalized. */
  decode(ids: readonly number[], skipsSpecial: boolean): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.tokenInText(id);
      if (token === undefined || (skipsSpecial && this.#isSpecial(token))) continue;
      tokens.push(token);
    }
    return this.decoder ? this.decoder(tokens).join("") : tokens.join(" ");
  }

  #isSpecial(token: string): boolean {
    return this.added.byContent.get(token)?.special === true;
  }
}

const isSet = (value: unknown): boolean => value !== null && value !== undefined;

function createModel(json: Part, preTokenizer: PreTokenizer | undefined): WordModel {
  check(isPart(json.model), "file", () => "tokenizer.json: model must be an object");
  const model = { ...json.model, type: json.model.type ?? guessedType(json.model) };
  const part = typed(model, "tokenizer.json: model");
  switch (part.type) {
    case "BPE":
      return new BytePairs(part, preTokenizer?.writesBytes ?? false, preTokenizer !== undefined);
    case "WordPiece":
      return new WordPiece(part);
    case "WordLevel":
      return new WordLevel(part);
    case "Unigram":
      return new Unigram(part);
    default:
      throw new LecternError(
        "unsupported",
        `tokenizer.json: model ${part.type}; known: BPE, WordPiece, WordLevel, Unigram`,
      );
  }
}

/** Old files leave the model's type out. */
function guessedType(model: Part): string {
  if ("merges" in model) return "BPE";
  if (Array.isArray(model.vocab)) return "Unigram";
  return "continuing_subword_prefix" in model ? "WordPiece" : "WordLevel";
}
