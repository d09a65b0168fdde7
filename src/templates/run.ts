import { TemplateError } from "./errors.ts";

/** The most that one rendering may use. */
export interface TemplateLimits {
  /** Operations; default 3,000,000. */
  readonly steps?: number;
  /** Characters of the result, and of any text on the way; default 16 Mi. */
  readonly length?: number;
  /** Characters of all texts made on the way, where an item of a list counts as 32; default 128 Mi. */
  readonly memory?: number;
  /** Milliseconds; default 3000. */
  readonly time?: number;
}

/** Called when a template uses a value that the caller watches. */
export interface Watcher {
  /** Called with a value of which the items are read. */
  iterated(value: object): void;
  /** Called with a value that is turned into text as a whole. */
  printed(value: object): void;
}

/** The items of a list cost as much as this many characters. */
export const ITEM = 32;

/** The bits of the largest integer that is computed. */
const MAX_BITS = 1 << 17;

/** Calls within calls; Python's own limit allows about 200. */
const MAX_CALLS = 250;

/** The state of one rendering, and what it has left. */
export class Run {
  /** The line of the statement at work. */
  line = 1;
  /** True if printed values are escaped for HTML, as within `{% autoescape true %}`. */
  autoescape = false;
  readonly watcher: Watcher | undefined;
  /** True if the use of an undefined value fails. */
  readonly isStrict: boolean;
  #steps = 0;
  #memory = 0;
  #calls = 0;
  readonly #limits: Required<TemplateLimits>;
  readonly #end: number;

  constructor(limits: TemplateLimits = {}, watcher?: Watcher, isStrict = false) {
    this.#limits = { steps: 3_000_000, length: 2 ** 24, memory: 2 ** 27, time: 3000, ...limits };
    this.#end = performance.now() + this.#limits.time;
    this.watcher = watcher;
    this.isStrict = isStrict;
  }

  /** Counts operations; the clock is read now and then. */
  step(count = 1): void {
    const before = this.#steps;
    this.#steps += count;
    if (this.#steps > this.#limits.steps) throw limit(`it takes more than ${this.#limits.steps} steps`);
    if (before >> 8 !== this.#steps >> 8 && performance.now() > this.#end)
      throw limit(`it takes longer than ${this.#limits.time} ms`);
  }

  /** Counts the characters of a text, before it is made where its length is known. */
  allocate(length: number): void {
    if (length > this.#limits.length) throw limit(`a text of ${length} characters is longer than allowed`);
    this.#memory += length;
    if (this.#memory > this.#limits.memory) throw limit("it takes too much memory");
    if (length > 1024) this.step(length >> 10);
  }

  /** Counts the characters that a text grows by. */
  grow(length: number, by: number): void {
    if (length > this.#limits.length) throw limit(`a text of ${length} characters is longer than allowed`);
    this.allocate(by);
  }

  /** Counts a text that was just made. */
  text(value: string): string {
    this.allocate(value.length);
    return value;
  }

  /** Counts the items of a list, before it is made where their number is known. */
  items(count: number): void {
    this.allocate(count * ITEM);
    this.step(1 + (count >> 3));
  }

  /** Counts the bits of an integer before it is computed. */
  bits(count: number): void {
    if (count > MAX_BITS) throw limit("an integer has too many digits");
    if (count > 1024) this.step((count >> 10) ** 2);
  }

  /** Runs a call, unless it is nested too deep in others. */
  call<T>(body: () => T): T {
    if (++this.#calls > MAX_CALLS) throw limit("its calls are nested too deep");
    const { line } = this;
    const result = body();
    this.#calls--;
    this.line = line;
    return result;
  }
}

const limit = (why: string): TemplateError =>
  new TemplateError("limit", `the template does more than is allowed: ${why}`);
