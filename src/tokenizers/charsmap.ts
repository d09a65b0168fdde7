import { check, LecternError } from "../common/index.ts";

/** Spacing marks that join nothing (Unicode's annex 29 names them). */
const APART =
  "\\u102b\\u102c\\u1038\\u1062-\\u1064\\u1067-\\u106d\\u1083\\u1087-\\u108c\\u108f\\u109a-\\u109c\\u1a61\\u1a63\\u1a64\\uaa7b\\uaa7d";

/** A character that joins the one before it into a cluster. */
const JOINING = `(?![${APART}])[\\p{Grapheme_Extend}\\p{Mc}\\p{Emoji_Modifier}\\u200d\\u0e33\\u0eb3]`;
const CLUSTERING = new RegExp(`${JOINING}|\\r\\n`, "u");

/**
 * Clusters, as far as it matters: those of 6 bytes and more are taken apart, so flags, syllables of jamo and families of
 * emoji need not be known.
 */
const CLUSTERS = new RegExp(`\\r\\n|[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]?(?:${JOINING})+|[^]`, "gu");

const encoder = new TextEncoder();

const KindOfUnit = { unknown: 0, kept: 1, other: 2 } as const;
type KindOfUnit = (typeof KindOfUnit)[keyof typeof KindOfUnit];

/**
 * SentencePiece's compiled normalization: a double-array trie over UTF-8 (darts-clone's layout) whose values point
 * into a block of texts that end with a zero byte.
 */
export class Charsmap {
  readonly #trie: Uint32Array;
  readonly #texts: Uint8Array;
  readonly #known = new Map<string, string | undefined>();
  /** The state of each UTF-16 unit: not looked up yet, that it stays as it is by itself, or that it does not. */
  readonly #kinds = new Uint8Array(0x10000);

  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = bytes.length >= 4 ? view.getUint32(0, true) : 0;
    check(
      bytes.length >= 4 && size % 4 === 0 && size > 0 && 4 + size <= bytes.length,
      "file",
      () => `Precompiled: a trie of ${size} bytes does not fit into a charsmap of ${bytes.length}; the file is damaged`,
    );
    this.#trie = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + i * 4, true));
    this.#texts = bytes.subarray(4 + size);
  }

  static fromBase64(text: string): Charsmap {
    let binary: string;
    try {
      binary = atob(text);
    } catch (cause) {
      throw new LecternError("file", "Precompiled: the charsmap is not base64", { cause });
    }
    return new Charsmap(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
  }

  /** True if no printable ASCII character is replaced. */
  get keepsPrintable(): boolean {
    for (let code = 32; code < 127; code++) if (this.#lookUp(String.fromCharCode(code)) !== undefined) return false;
    return true;
  }

  removesFirst(text: string): boolean {
    for (const { text: first } of this.replacements(text.slice(0, 8))) return first === "";
    return false;
  }

  /** True if a part stays as it is: none of its characters is replaced or joins another. */
  keeps(part: string): boolean {
    for (let i = 0; i < part.length; i++) {
      const unit = part.charCodeAt(i);
      if (this.#kinds[unit] === KindOfUnit.unknown) this.#kinds[unit] = this.#kindOf(part[i] as string);
      if (this.#kinds[unit] !== KindOfUnit.kept) return false;
    }
    return true;
  }

  #kindOf(unit: string): KindOfUnit {
    const isKept = unit.isWellFormed() && unit !== "\r" && !CLUSTERING.test(unit) && this.#lookUp(unit) === undefined;
    return isKept ? KindOfUnit.kept : KindOfUnit.other;
  }

  /** Parts of a text with what stands for them instead. A cluster of up to 5 bytes is looked up whole, then apart. */
  *replacements(part: string): Iterable<{ readonly part: string; readonly text: string | undefined }> {
    const clusters: Iterable<string> = CLUSTERING.test(part) ? (part.match(CLUSTERS) ?? []) : part;
    for (const cluster of clusters) {
      const whole = byteLength(cluster) < 6 ? this.#lookUp(cluster) : undefined;
      if (whole !== undefined) yield { part: cluster, text: whole };
      else for (const character of cluster) yield { part: character, text: this.#lookUp(character) };
    }
  }

  #lookUp(part: string): string | undefined {
    const known = this.#known.get(part);
    if (known !== undefined || this.#known.has(part)) return known;
    const text = this.#search(encoder.encode(part));
    if (this.#known.size < 1 << 16) this.#known.set(part, text);
    return text;
  }

  /** The text of the shortest entry that the bytes begin with. */
  #search(bytes: Uint8Array): string | undefined {
    const offset = (unit: number): number => (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
    let unit = this.#trie[0] ?? 0;
    let at = offset(unit);
    for (const byte of bytes) {
      if (byte === 0) return undefined;
      at ^= byte;
      unit = this.#trie[at] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== byte) return undefined;
      at ^= offset(unit);
      if ((unit >>> 8) & 1) return this.#textAt((this.#trie[at] ?? 0) & 0x7fffffff);
    }
    return undefined;
  }

  #textAt(start: number): string {
    const end = this.#texts.indexOf(0, start);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      this.#texts.subarray(start, end < 0 ? this.#texts.length : end),
    );
  }
}

function byteLength(text: string): number {
  return text.length > 5 ? text.length : encoder.encode(text).length;
}
