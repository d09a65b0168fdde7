import { check } from "../common/index.ts";
import { checkLength, flagOf, isPart } from "./json.ts";
import type { Normalizer } from "./normalizers.ts";
import { isWhiteSpace } from "./regex/index.ts";
import { Text } from "./text.ts";
import { Trie } from "./trie.ts";

/** A token that is found in the text itself, before a model cuts it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Its normalized form: the text that is matched, and that the decoder reads. */
  readonly written: string;
  readonly special: boolean;
  /** True if only the settings beside `tokenizer.json` have it. */
  readonly declared: boolean;
  readonly normalized: boolean;
  readonly singleWord: boolean;
  readonly stripsLeft: boolean;
  readonly stripsRight: boolean;
}

/** A part of a text: an added token, or what stands between two. */
export interface Found {
  readonly text: Text;
  readonly id: number | undefined;
}

/** Characters of words, as Rust's regular expressions have them. */
const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

/** The `added_tokens` of a `tokenizer.json`. */
export class AddedTokens {
  readonly byId = new Map<number, AddedToken>();
  readonly byContent = new Map<string, AddedToken>();
  readonly #plain: Finder;
  readonly #normalized: Finder;
  readonly #normalizer: Normalizer | undefined;

  /** @param splitsSpecial whether special tokens are left for the model to cut, as other text */
  constructor(
    json: unknown,
    normalizer: Normalizer | undefined,
    vocabulary: ReadonlyMap<string, number>,
    splitsSpecial = false,
  ) {
    check(Array.isArray(json ?? []), "file", () => "tokenizer.json: added_tokens must be a list");
    this.#normalizer = normalizer;
    const entries = ((json ?? []) as unknown[]).map(entryOf).filter(({ content }) => content !== "");
    const ids = idsOfAdded(
      entries.map(({ content }) => content),
      vocabulary,
    );
    for (const entry of entries) {
      const id = ids.get(entry.content) as number;
      const special = entry.special || this.byContent.get(entry.content)?.special === true;
      const token = { ...entry, id, special, written: writtenAs(entry, normalizer) };
      this.byId.set(id, token);
      this.byContent.set(token.content, token);
    }
    const tokens = [...this.byContent.values()];
    this.#plain = new Finder(
      tokens.filter(({ normalized }) => !normalized),
      splitsSpecial,
    );
    this.#normalized = new Finder(
      tokens.filter(({ normalized }) => normalized),
      splitsSpecial,
    );
  }

  /** Cuts a text at its added tokens and normalizes what stands between them. */
  extract(text: Text): Found[] {
    return this.#plain.cut(text).flatMap((found) => {
      if (found.id !== undefined || found.text.text === "") return [found];
      return this.#normalized.cut(this.#normalizer ? this.#normalizer(found.text) : found.text);
    });
  }
}

/**
 * The ids of added tokens: those of the model's vocabulary, and for others the next free ones in turn, whatever the file
 * says, as the tokenizers library gives them.
 */
export function idsOfAdded(
  contents: readonly string[],
  vocabulary: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  let highest = -1;
  for (const content of contents) {
    if (content === "" || ids.has(content)) continue;
    const id = vocabulary.get(content) ?? Math.max(highest + 1, vocabulary.size);
    ids.set(content, id);
    highest = Math.max(highest, id);
  }
  return ids;
}

function entryOf(entry: unknown): Omit<AddedToken, "id" | "written"> {
  check(
    isPart(entry) && typeof entry.content === "string",
    "file",
    () => `tokenizer.json: an added token needs its content; got ${JSON.stringify(entry)}`,
  );
  const special = flagOf(entry, "special", false);
  checkLength(entry.content as string, "an added token");
  return {
    content: entry.content as string,
    special,
    declared: flagOf(entry, "declared", false),
    normalized: flagOf(entry, "normalized", !special),
    singleWord: flagOf(entry, "single_word", false),
    stripsLeft: flagOf(entry, "lstrip", false),
    stripsRight: flagOf(entry, "rstrip", false),
  };
}

function writtenAs(
  { content, normalized }: Pick<AddedToken, "content" | "normalized">,
  normalizer: Normalizer | undefined,
): string {
  return normalized && normalizer ? normalizer(Text.of(content, false)).text : content;
}

/** Finds tokens in a text: the leftmost first, of several there the longest. */
class Finder {
  readonly #tokens: readonly AddedToken[];
  readonly #trie: Trie;
  /** Any of the units that tokens begin with. */
  readonly #starts: RegExp | undefined;
  readonly #splitsSpecial: boolean;

  constructor(tokens: readonly AddedToken[], splitsSpecial: boolean) {
    this.#tokens = tokens;
    this.#splitsSpecial = splitsSpecial;
    this.#trie = new Trie(tokens.map(({ written }, i) => [written, i]));
    const units = new Set(tokens.filter(({ written }) => written !== "").map(({ written }) => written.charCodeAt(0)));
    const escaped = Array.from(units, (unit) => `\\u${unit.toString(16).padStart(4, "0")}`);
    this.#starts = units.size > 0 ? new RegExp(`[${escaped.join("")}]`, "g") : undefined;
  }

  cut(text: Text): Found[] {
    const found: Found[] = [];
    let last = 0;
    for (let match = this.#next(text.text, 0, 0); match; match = this.#next(text.text, match.resume, match.end)) {
      const start = match.token.stripsLeft ? Math.max(match.start, last) : match.start;
      if (start > last) found.push({ text: text.slice(last, start), id: undefined });
      if (match.end > start) found.push({ text: text.slice(start, match.end), id: match.token.id });
      last = match.end;
    }
    if (last < text.text.length) found.push({ text: text.slice(last, text.text.length), id: undefined });
    return found;
  }

  /**
   * The next token, and the white space that it takes on either side; in that another may still be found.
   * @param taken the end of what the token before took
   */
  #next(
    text: string,
    from: number,
    taken: number,
  ): { start: number; end: number; resume: number; token: AddedToken } | undefined {
    if (!this.#starts) return undefined;
    this.#starts.lastIndex = from;
    for (let hit = this.#starts.exec(text); hit; hit = this.#starts.exec(text)) {
      const longest = this.#trie.longest(text, hit.index);
      if (!longest) continue;
      const token = this.#tokens[longest.value] as AddedToken;
      const resume = hit.index + longest.length;
      this.#starts.lastIndex = resume;
      if (token.special && this.#splitsSpecial) continue;
      if (token.singleWord && (WORD.test(before(text, hit.index)) || WORD.test(behind(text, resume)))) continue;
      let [start, end] = [hit.index, resume];
      if (token.stripsLeft) while (start > taken && isWhiteSpace(text[start - 1])) start--;
      if (token.stripsRight && taken > end) end = taken;
      if (token.stripsRight) while (end < text.length && isWhiteSpace(text[end])) end++;
      return { start, end, resume, token };
    }
    return undefined;
  }
}

const before = (text: string, at: number): string => Array.from(text.slice(Math.max(0, at - 2), at)).at(-1) ?? "";
const behind = (text: string, at: number): string => Array.from(text.slice(at, at + 2))[0] ?? "";
