/** Gives out the text of a stream up to the first of its stop strings, and holds back what may be the beginning of one. */
export class TextCutter {
  readonly #stops: readonly string[];
  #held = "";
  #given = 0;
  /** The stop string that was found. */
  stop: string | undefined;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** The number of characters that were given out. */
  get length(): number {
    return this.#given;
  }

  /** The text that one more piece makes certain. */
  push(piece: string): string {
    if (this.stop !== undefined) return "";
    this.#held += piece;
    const found = this.#stops
      .map((stop) => ({ stop, at: this.#held.indexOf(stop) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at)[0];
    if (!found) return this.#give(this.#held.length - this.#possible());
    this.stop = found.stop;
    const text = this.#give(found.at);
    this.#held = "";
    return text;
  }

  /** The text that was held back, at the end. */
  end(): string {
    return this.#give(this.#held.length);
  }

  /** The length of the longest end of the held text that a stop string begins with. */
  #possible(): number {
    const most = Math.max(0, ...this.#stops.map((stop) => Math.min(stop.length - 1, this.#held.length)));
    for (let length = most; length > 0; length--) {
      const end = this.#held.slice(-length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }

  #give(count: number): string {
    const text = this.#held.slice(0, count);
    this.#held = this.#held.slice(count);
    this.#given += text.length;
    return text;
  }
}
