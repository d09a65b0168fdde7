/** How many earlier ids are decoded with the new ones, so that what depends on neighbours comes out right. */
const CONTEXT = 8;

/** Turns ids into text piece by piece; the pieces joined are the whole text decoded. */
export class StreamDecoder {
  readonly #decode: (ids: readonly number[]) => string;
  #ids: number[] = [];
  #given = "";

  constructor(decode: (ids: readonly number[]) => string) {
    this.#decode = decode;
  }

  /** The text that one more id makes certain; "" while a character is incomplete. */
  push(id: number): string {
    this.#ids.push(id);
    const text = this.#decode(this.#ids);
    if (text.endsWith("\uFFFD")) return "";
    const piece = text.slice(this.#given.length);
    this.#given = text;
    if (this.#ids.length >= 4 * CONTEXT && !text.startsWith(" ")) this.#forget();
    return piece;
  }

  /** What was held back, at the end. */
  end(): string {
    return this.#decode(this.#ids).slice(this.#given.length);
  }

  /** Drops old ids where decoding the rest alone gives the same ending, so that a step's cost does not grow. */
  #forget(): void {
    const recent = this.#ids.slice(-CONTEXT);
    const text = this.#decode(recent);
    const next = [...recent, ...recent];
    const whole = this.#decode([...this.#ids, ...recent]).slice(this.#given.length);
    if (this.#given.endsWith(text) && this.#decode(next).slice(text.length) === whole) [this.#ids, this.#given] = [recent, text];
  }
}
