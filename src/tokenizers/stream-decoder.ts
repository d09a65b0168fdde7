/** So many ids are decoded again with each new one at most, and so many kept when there are more. */
const MOST_IDS = 64;
const KEPT_IDS = 24;

/**
 * Turns ids into text piece by piece; the pieces joined are the whole text decoded. Text is given out when it is
 * certain: not while a character is incomplete, nor after an id whose text depends on what follows.
 */
export class StreamDecoder {
  readonly #decode: (ids: readonly number[]) => string;
  readonly #waits: (id: number) => boolean;
  /** The last ids; all, until there are many. */
  #ids: number[] = [];
  /** The number of characters of their text that was given out. */
  #given = 0;

  /** @param waits whether the text of an id depends on the next one */
  constructor(decode: (ids: readonly number[]) => string, waits: (id: number) => boolean = () => false) {
    this.#decode = decode;
    this.#waits = waits;
  }

  /** The text that one more id makes certain. */
  push(id: number): string {
    this.#ids.push(id);
    if (this.#waits(id)) return "";
    const text = this.#decode(this.#ids);
    if (text.endsWith("\uFFFD")) return "";
    const piece = this.#give(text);
    if (this.#ids.length > MOST_IDS) this.#shorten(text);
    return piece;
  }

  /** The text that was held back, at the end. */
  end(): string {
    return this.#give(this.#decode(this.#ids));
  }

  #give(text: string): string {
    const piece = text.slice(this.#given);
    this.#given = text.length;
    return piece;
  }

  /** Drops ids whose text is complete, where the text of the others reads the same without them. */
  #shorten(text: string): void {
    const last = this.#ids.slice(-KEPT_IDS);
    const rest = this.#decode(last);
    if (!text.endsWith(rest)) return; // as where it begins within a character: with the next id
    this.#ids = last;
    this.#given = rest.length;
  }
}
