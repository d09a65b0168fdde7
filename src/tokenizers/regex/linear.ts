import { LecternError } from "../../common/index.ts";
import { compileProgram, type Look, type Program, Step } from "./program.ts";
import type { Node } from "./syntax.ts";

/** Steps that a text may take: some beside those for each of its units. */
const STEPS = { least: 20_000_000, each: 200 };
/** Places to go back to at most. */
const MOST_BRANCHES = 2 ** 23;
/** Bits that say which splits were tried, at most. */
const MOST_BITS = 2 ** 30;

/** True if a character is in a set, remembered by pages of 256 characters. */
class CharacterSet {
  readonly #pattern: RegExp;
  readonly #pages: (Uint8Array | undefined)[] = [];

  constructor(source: string) {
    this.#pattern = new RegExp(`^${source}$`, "v");
  }

  has(code: number): boolean {
    let page = this.#pages[code >> 8];
    if (!page) {
      page = new Uint8Array(256);
      this.#pages[code >> 8] = page;
    }
    const known = page[code & 255] as number;
    if (known !== 0) return known === 1;
    const isIn = this.#pattern.test(String.fromCodePoint(code));
    page[code & 255] = isIn ? 1 : 2;
    return isIn;
  }
}

/** Ends that runs of looks and atomic groups found are kept for so many splits at most. */
const MOST_ENDS = 2 ** 20;

/** A run of steps from a place of the text on. */
interface Run {
  readonly start: number;
  readonly from: number;
  /** The required end of the match, for lookbehinds. */
  readonly until?: number;
  /** True if it is the run of a look ahead or an atomic group, whose end is kept for the splits on its way. */
  readonly keepsEnd?: boolean;
}

/**
 * Finds a pattern's matches in a number of steps that grows with the text's length, not with the ways to match it: it
 * goes back as other engines do, but never tries a step twice at a place of the text. What comes of a step at a place
 * does not depend on the way there, since there are no references back to groups. A bound on all steps remains.
 */
export class LinearMatcher {
  readonly #program: Program;
  readonly #sets: readonly CharacterSet[];
  readonly #source: string;
  /** The number of each step among the splits. */
  readonly #splitOf: Int32Array;
  #text = "";
  #steps = 0;
  /** The splits that were tried at each place, as bits. */
  #tried = new Uint32Array(0);
  /** The ends of runs that went through a split at a place and matched. */
  readonly #ends = new Map<number, number>();
  /** Splits whose second way is left, each with its place; as −1 − split those that a run went on from by it. */
  #branches = new Int32Array(1024);
  #depth = 0;

  constructor(node: Node, source: string) {
    this.#program = compileProgram(node);
    this.#sets = this.#program.sets.map((set) => new CharacterSet(set));
    this.#source = source;
    let count = 0;
    this.#splitOf = Int32Array.from(this.#program.kinds, (kind) => (kind === Step.split ? count++ : -1));
  }

  /** Calls back with the start and end of each match, in UTF-16 units, from left to right. */
  each(text: string, found: (start: number, end: number) => void): void {
    this.#begin(text);
    for (let at = 0; at <= text.length; ) {
      const end = this.#run({ start: 0, from: at });
      if (end < 0) at += widthAt(text, at);
      else {
        found(at, end);
        this.#forget(end);
        at = end > at ? end : at + widthAt(text, at);
      }
    }
    this.#begin("");
  }

  /** True if the pattern matches at the start of a text. */
  startsWith(text: string): boolean {
    this.#begin(text);
    return this.#run({ start: 0, from: 0 }) >= 0;
  }

  #begin(text: string): void {
    this.#text = text;
    this.#depth = 0;
    this.#steps = STEPS.least + STEPS.each * text.length;
    this.#ends.clear();
    const bits = this.#program.splits * (text.length + 1);
    if (bits > MOST_BITS) throw this.#tooMany();
    this.#tried = new Uint32Array((bits + 31) >>> 5);
  }

  /** Notes that a split is tried at a place; false where it was before. */
  #try(bit: number): boolean {
    const mask = 1 << (bit & 31);
    const word = this.#tried[bit >>> 5] as number;
    this.#tried[bit >>> 5] = word | mask;
    return (word & mask) === 0;
  }

  /** Forgets what was tried at a place: a match ended there, so not all of it failed. */
  #forget(at: number): void {
    const { splits } = this.#program;
    for (let bit = at * splits; bit < (at + 1) * splits; bit++)
      this.#tried[bit >>> 5] = (this.#tried[bit >>> 5] as number) & ~(1 << (bit & 31));
  }

  /** The end of a run's first match; −1 where there is none. */
  #run(run: Run): number {
    const { kinds, first, second, splits } = this.#program;
    const { until, keepsEnd = false } = run;
    const [text, base] = [this.#text, this.#depth];
    const own = until === undefined ? undefined : new Set<number>();
    for (let step = run.start, at = run.from; ; ) {
      if (--this.#steps < 0) throw this.#tooMany();
      let fits = false;
      switch (kinds[step]) {
        case Step.match:
          if (until === undefined || at === until) return this.#finish(base, at, keepsEnd);
          break;
        case Step.jump:
          step = first[step] as number;
          continue;
        case Step.set: {
          const code = text.codePointAt(at);
          if (code === undefined || !(this.#sets[first[step] as number] as CharacterSet).has(code)) break;
          at += code > 0xffff ? 2 : 1;
          fits = true;
          break;
        }
        case Step.split: {
          const bit = at * splits + (this.#splitOf[step] as number);
          const end = keepsEnd ? this.#ends.get(bit) : undefined;
          if (end !== undefined) return this.#finish(base, end, true);
          if (own ? own.has(bit) : !this.#try(bit)) break;
          own?.add(bit);
          this.#push(step, at);
          step = first[step] as number;
          continue;
        }
        case Step.lookAtSet:
          fits = this.#seesSet(first[step] as number, second[step] as number, at);
          break;
        case Step.look:
          fits = this.#sees(this.#program.looks[first[step] as number] as Look, at);
          break;
        default: {
          const { start } = this.#program.looks[first[step] as number] as Look;
          const end = this.#run({ start, from: at, keepsEnd: true });
          fits = end >= 0;
          if (fits) at = end;
        }
      }
      if (fits) {
        step++;
        continue;
      }
      const split = this.#back(base, keepsEnd);
      if (split < 0) return -1;
      step = second[split] as number;
      at = this.#branches[this.#depth + (keepsEnd ? -1 : 1)] as number;
    }
  }

  /** The last split whose second way is left; −1 where there is none. Its place lies above the depth, or below it. */
  #back(base: number, keepsEnd: boolean): number {
    while (this.#depth > base) {
      const split = this.#branches[this.#depth - 2] as number;
      if (keepsEnd && split >= 0) {
        this.#branches[this.#depth - 2] = -1 - split;
        return split;
      }
      this.#depth -= 2;
      if (split >= 0) return split;
    }
    return -1;
  }

  /** Ends a run, and keeps its end for the splits that it came through. */
  #finish(base: number, end: number, keepsEnd: boolean): number {
    for (let i = base; keepsEnd && i < this.#depth; i += 2) {
      const split = this.#branches[i] as number;
      const index = this.#splitOf[split < 0 ? -1 - split : split] as number;
      const bit = (this.#branches[i + 1] as number) * this.#program.splits + index;
      if (this.#ends.size < MOST_ENDS) this.#ends.set(bit, end);
      else this.#tried[bit >>> 5] = (this.#tried[bit >>> 5] as number) & ~(1 << (bit & 31));
    }
    this.#depth = base;
    return end;
  }

  #push(split: number, at: number): void {
    if (this.#depth + 2 > this.#branches.length) {
      if (this.#depth >= MOST_BRANCHES * 2) throw this.#tooMany();
      const larger = new Int32Array(this.#branches.length * 2);
      larger.set(this.#branches);
      this.#branches = larger;
    }
    this.#branches[this.#depth++] = split;
    this.#branches[this.#depth++] = at;
  }

  #seesSet(set: number, way: number, at: number): boolean {
    const code = (way & 1) === 1 ? this.#text.codePointAt(at) : codeBefore(this.#text, at);
    return (code !== undefined && (this.#sets[set] as CharacterSet).has(code)) !== (way & 2) > 0;
  }

  #sees({ ahead, negated, lengths, start }: Look, at: number): boolean {
    if (ahead) return this.#run({ start, from: at, keepsEnd: true }) >= 0 !== negated;
    const isSeen = lengths.some((length) => {
      const from = back(this.#text, at, length);
      return from >= 0 && this.#run({ start, from, until: at }) === at;
    });
    return isSeen !== negated;
  }

  #tooMany(): LecternError {
    const message = `the pattern ${shortened(this.#source)} takes too many steps on a text of ${this.#text.length} characters; split the text, or use a tokenizer with a simpler pattern`;
    return new LecternError("input", message);
  }
}

const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

const widthAt = (text: string, at: number): number => ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);

function codeBefore(text: string, at: number): number | undefined {
  if (at === 0) return undefined;
  const code = at > 1 ? (text.codePointAt(at - 2) ?? 0) : 0;
  return code > 0xffff ? code : text.codePointAt(at - 1);
}

/** The place so many characters before another; −1 where the text does not go back so far. */
function back(text: string, at: number, count: number): number {
  let place = at;
  for (let i = 0; i < count; i++) {
    const code = codeBefore(text, place);
    if (code === undefined) return -1;
    place -= code > 0xffff ? 2 : 1;
  }
  return place;
}
