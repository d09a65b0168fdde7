/**
 * Turns ids into text piece by piece; the pieces joined are the whole text decoded. Text is given out when it is
 * certain: not while a character is incomplete, nor after an id whose text depends on what follows.
 */
export class StreamDecoder {
  readonly #decode: (ids: readonly number[]) => string;
  readonly #waits: (id: number) => boolean;
  readonly #ids: number[] = [];
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
    return text.endsWith("\uFFFD") ? "" : this.#give(text);
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
}
