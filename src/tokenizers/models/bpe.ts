import { characterOfByte, check, shown } from "../../common/index.ts";
import { byteOfCharacter } from "../byte-level.ts";
import { flagOf, optionalText, type Part, partsOf, vocabularyOf } from "../json.ts";
import { Merges, Symbols } from "./merges.ts";
import { byteIds } from "./unigram.ts";
import { WordCache, type WordModel, type WordTokens } from "./word-model.ts";

const encoder = new TextEncoder();

/** Byte-pair encoding (Sennrich et al., 2016): the symbols of a word are merged, the earliest learnt pair first. */
export class BytePairs implements WordModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly #merges: Merges;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #unknown: number | undefined;
  readonly #fusesUnknown: boolean;
  readonly #takesWhole: boolean;
  readonly #byteFallback: readonly number[] | undefined;
  /** The id of each byte where words are written as bytes; −1 for bytes that the vocabulary lacks. */
  readonly #bytes: Int32Array | undefined;
  readonly #cutsAtSpaces: boolean;
  readonly #cache = new WordCache((word) => this.#merge(word));
  readonly #symbols = new Symbols();

  /** @param isByteLevel whether words come as text that is to be written as bytes */
  constructor(part: Part, isByteLevel: boolean, hasPreTokenizer: boolean) {
    this.vocabulary = vocabularyOf(part);
    this.#prefix = optionalText(part, "continuing_subword_prefix") ?? "";
    this.#suffix = optionalText(part, "end_of_word_suffix") ?? "";
    this.#merges = new Merges(partsOf(part, "merges"), this.vocabulary, this.#prefix);
    const unknown = optionalText(part, "unk_token");
    this.#unknown = unknown === undefined ? undefined : this.vocabulary.get(unknown);
    this.#fusesUnknown = flagOf(part, "fuse_unk", false);
    this.#takesWhole = flagOf(part, "ignore_merges", false);
    this.#byteFallback = flagOf(part, "byte_fallback", false) ? byteIds(this.vocabulary) : undefined;
    this.#bytes = isByteLevel ? this.#idsOfBytes() : undefined;
    this.#cutsAtSpaces = !hasPreTokenizer && !isByteLevel && !this.#takesWhole && this.#mayCutAtSpaces();
    const { dropout } = part;
    check(!dropout, "unsupported", () => `BPE: dropout ${shown(dropout)} draws at random; set it to null`);
  }

  tokenize(word: string): WordTokens {
    return this.#cutsAtSpaces ? this.#inParts(word) : this.#cache.get(word);
  }

  #idsOfBytes(): Int32Array {
    const ids = new Int32Array(256).fill(-1);
    for (const [character, byte] of byteOfCharacter) ids[byte] = this.vocabulary.get(character) ?? -1;
    return ids;
  }

  /**
   * Where no token holds a ▁ behind another character, no merge crosses the place before such a ▁: the parts between
   * can be merged, and remembered, by themselves.
   */
  #mayCutAtSpaces(): boolean {
    if (!this.vocabulary.has("▁") || this.#prefix !== "" || this.#suffix !== "") return false;
    for (const token of this.vocabulary.keys()) if (/[^▁]▁/.test(token)) return false;
    return true;
  }

  #inParts(word: string): WordTokens {
    const ids: number[] = [];
    const spans: number[] = [];
    const parts = /▁*[^▁]+|▁+/g;
    for (let part = parts.exec(word); part; part = parts.exec(word)) {
      const tokens = this.#cache.get(part[0]);
      for (let i = 0; i < tokens.ids.length; i++) {
        ids.push(tokens.ids[i] as number);
        spans.push(part.index + (tokens.spans[2 * i] as number), part.index + (tokens.spans[2 * i + 1] as number));
      }
    }
    return { ids, spans };
  }

  #merge(word: string): WordTokens {
    const whole = this.#takesWhole ? this.#wholeWord(word) : undefined;
    if (whole !== undefined) return { ids: [whole], spans: [0, word.length] };
    const symbols = this.#symbols;
    symbols.clear();
    if (this.#bytes) this.#addBytes(word, this.#bytes);
    else this.#addCharacters(word);
    this.#merges.apply(symbols);
    return { ids: symbols.ids(), spans: unitSpans(word, symbols.lengths()) };
  }

  #wholeWord(word: string): number | undefined {
    if (!this.#bytes) return this.vocabulary.get(word);
    let written = "";
    for (const byte of encoder.encode(word)) written += characterOfByte[byte];
    return this.vocabulary.get(written);
  }

  #addBytes(word: string, ids: Int32Array): void {
    let unknown = 0;
    const flush = (): void => {
      if (unknown > 0) this.#symbols.add(this.#unknown ?? 0, unknown);
      unknown = 0;
    };
    for (const byte of encoder.encode(word)) {
      const id = ids[byte] as number;
      if (id < 0 && this.#unknown === undefined) continue;
      if (id >= 0 || !this.#fusesUnknown) flush();
      if (id >= 0) this.#symbols.add(id, 1);
      else unknown++;
    }
    flush();
  }

  #addCharacters(word: string): void {
    let unknown = 0;
    const flush = (): void => {
      if (unknown > 0) this.#symbols.add(this.#unknown ?? 0, unknown);
      unknown = 0;
    };
    let at = 0;
    for (const character of word) {
      const isFirst = at === 0;
      at += character.length;
      const symbol = `${isFirst ? "" : this.#prefix}${character}${at === word.length ? this.#suffix : ""}`;
      const id = this.vocabulary.get(symbol);
      if (id !== undefined) {
        flush();
        this.#symbols.add(id, byteCount(character));
      } else if (this.#byteFallback) {
        for (const byte of encoder.encode(symbol)) this.#symbols.add(this.#byteFallback[byte] as number, 1);
      } else if (this.#unknown !== undefined) {
        if (!this.#fusesUnknown) flush();
        unknown += byteCount(character);
      }
    }
    flush();
  }
}

function byteCount(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/** The characters that tokens of so many bytes each stand for; a character whose bytes are apart belongs to each. */
function unitSpans(word: string, lengths: Int32Array): Int32Array {
  const spans = new Int32Array(lengths.length * 2);
  let [unit, byte, end, endByte] = [0, 0, 0, 0];
  let position = 0;
  const step = (at: number): [width: number, bytes: number] => {
    const code = word.codePointAt(at) ?? 0;
    return code < 0x80 ? [1, 1] : code < 0x800 ? [1, 2] : code < 0x10000 ? [1, 3] : [2, 4];
  };
  for (const [i, length] of lengths.entries()) {
    while (unit < word.length && byte + step(unit)[1] <= position) {
      const [width, bytes] = step(unit);
      unit += width;
      byte += bytes;
    }
    position += length;
    if (end < unit) [end, endByte] = [unit, byte];
    while (end < word.length && endByte < position) {
      const [width, bytes] = step(end);
      end += width;
      endByte += bytes;
    }
    spans[2 * i] = unit;
    spans[2 * i + 1] = end;
  }
  return spans;
}
