/** A character takes so many tokens at most: its bytes in UTF-8. */
const TOKENS_OF_CHARACTER = 4;

/** The text of tokens. */
export interface Reading {
  /** The text of tokens, that of special ones too. */
  readonly decode: (ids: readonly number[]) => string;
  /** The tokens of U+FFFD itself, which stands in text for bytes that are none, too. */
  readonly replacement?: readonly number[] | undefined;
}

/**
 * Tells whether the last token of a sequence completes one of its stop strings. As in transformers, a stop string may
 * begin in the prompt and end within a token, and special tokens count by their text; one that the prompt holds as a
 * whole ends nothing.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  readonly #reading: Reading;
  /** The number of last tokens that hold the longest stop string, whatever they are. */
  readonly #window: number;

  constructor(stops: string | readonly string[] | undefined, reading: Reading) {
    this.#stops = [stops ?? []].flat();
    this.#reading = reading;
    this.#window = TOKENS_OF_CHARACTER * (1 + Math.max(0, ...this.#stops.map((stop) => stop.length)));
  }

  /**
   * @param ids of the prompt and of what was written after it
   * @param from the first place that counts
   */
  endedBy(ids: readonly number[], from = 0): boolean {
    if (this.#stops.length === 0) return false;
    const last = ids.slice(Math.max(from, ids.length - this.#window));
    const text = this.#reading.decode(last);
    const before = sharedLength(text, this.#reading.decode(last.slice(0, -1)));
    return this.#stops.some((stop) => {
      const at = text.indexOf(stop, Math.max(0, before + 1 - stop.length));
      return at >= 0 && (!stop.includes("\uFFFD") || this.#holdsReplacement(last));
    });
  }

  /** The reason why a text at its limit ends: a stop string if one reads in it, bytes that are no text included. */
  reasonAtLimit(written: string): "stop_string" | "length" {
    return this.#stops.some((stop) => written.includes(stop)) ? "stop_string" : "length";
  }

  /**
   * True if U+FFFD itself was written. Bytes that are no text read as this character; a stop string with it means the
   * character, so it counts only where its own tokens were written.
   */
  #holdsReplacement(ids: readonly number[]): boolean {
    const { replacement = [] } = this.#reading;
    return ids.some((_, at) => replacement.every((id, i) => ids[at + i] === id));
  }
}

/** The number of characters that two texts have in common at their beginning. */
function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  for (let i = 0; i < most; i++) if (a[i] !== b[i]) return i;
  return most;
}
