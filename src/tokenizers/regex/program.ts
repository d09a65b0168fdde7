import type { Node } from "./syntax.ts";

/** The steps of a compiled pattern. A step has up to two operands. */
export const Step = { set: 0, split: 1, jump: 2, lookAtSet: 3, look: 4, atomic: 5, match: 6 } as const;

/** Steps at most: counted repetitions are written out. */
const MOST_STEPS = 20_000;
/** Different lengths that one look behind may have. */
const MOST_LENGTHS = 64;

/** The kind of a lookaround, and the position of its steps. */
export interface Look {
  readonly ahead: boolean;
  readonly negated: boolean;
  /** The characters that a look behind may go back, each tried in turn. */
  readonly lengths: readonly number[];
  readonly start: number;
}

/** A pattern as steps: the first operand of a split is tried first. */
export interface Program {
  readonly kinds: readonly number[];
  readonly first: readonly number[];
  readonly second: readonly number[];
  /** Sources of character sets. */
  readonly sets: readonly string[];
  readonly looks: readonly Look[];
  readonly splits: number;
}

export function compileProgram(node: Node): Program {
  return new Compiler().compile(node);
}

class Compiler {
  readonly #kinds: number[] = [];
  readonly #first: number[] = [];
  readonly #second: number[] = [];
  readonly #sets = new Map<string, number>();
  readonly #looks: Look[] = [];
  readonly #waiting: { look: number; item: Node }[] = [];
  #splits = 0;

  compile(node: Node): Program {
    this.#write(node);
    this.#step(Step.match);
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) {
      this.#looks[next.look] = { ...(this.#looks[next.look] as Look), start: this.#kinds.length };
      this.#write(next.item);
      this.#step(Step.match);
    }
    return {
      kinds: this.#kinds,
      first: this.#first,
      second: this.#second,
      sets: [...this.#sets.keys()],
      looks: this.#looks,
      splits: this.#splits,
    };
  }

  #step(kind: number, first = 0, second = 0): number {
    if (this.#kinds.length >= MOST_STEPS) throw new Error(`it takes more than ${MOST_STEPS} steps; count less far`);
    this.#first.push(first);
    this.#second.push(second);
    return this.#kinds.push(kind) - 1;
  }

  #split(): number {
    this.#splits++;
    return this.#step(Step.split);
  }

  #set(source: string): number {
    const known = this.#sets.get(source);
    if (known !== undefined) return known;
    this.#sets.set(source, this.#sets.size);
    return this.#sets.size - 1;
  }

  #write(node: Node): void {
    switch (node.kind) {
      case "set":
        this.#step(Step.set, this.#set(node.source));
        break;
      case "sequence":
        for (const item of node.items) this.#write(item);
        break;
      case "choice":
        this.#choice(node.options);
        break;
      case "atomic":
        this.#step(Step.atomic, this.#look(node.item, { ahead: true, negated: false, lengths: [] }));
        break;
      case "look":
        this.#lookAround(node);
        break;
      case "repeat":
        if (node.mode === "possessive") this.#write({ kind: "atomic", item: { ...node, mode: "greedy" } });
        else this.#repeat(node);
    }
  }

  #choice(options: readonly Node[]): void {
    const ends: number[] = [];
    for (const [i, option] of options.entries()) {
      if (i === options.length - 1) {
        this.#write(option);
        break;
      }
      const split = this.#split();
      this.#first[split] = this.#kinds.length;
      this.#write(option);
      ends.push(this.#step(Step.jump));
      this.#second[split] = this.#kinds.length;
    }
    for (const end of ends) this.#first[end] = this.#kinds.length;
  }

  #repeat({ item, min, max, mode }: Node & { kind: "repeat" }): void {
    if (isEmpty(item)) return;
    for (let i = 0; i < min; i++) this.#write(item);
    if (max === Number.POSITIVE_INFINITY) {
      const split = this.#split();
      const body = this.#kinds.length;
      this.#write(item);
      this.#step(Step.jump, split);
      this.#branch(split, body, mode);
      return;
    }
    const splits: [split: number, body: number][] = [];
    for (let i = min; i < max; i++) {
      const split = this.#split();
      splits.push([split, this.#kinds.length]);
      this.#write(item);
    }
    for (const [split, body] of splits) this.#branch(split, body, mode);
  }

  /** Points a split at a body and at what comes next. */
  #branch(split: number, body: number, mode: string): void {
    const [first, second] = mode === "lazy" ? [this.#kinds.length, body] : [body, this.#kinds.length];
    this.#first[split] = first;
    this.#second[split] = second;
  }

  #lookAround({ item, ahead, negated }: Node & { kind: "look" }): void {
    if (item.kind === "set") {
      this.#step(Step.lookAtSet, this.#set(item.source), (ahead ? 1 : 0) + (negated ? 2 : 0));
      return;
    }
    const lengths = ahead ? [] : [...lengthsOf(item)].sort((a, b) => a - b);
    this.#step(Step.look, this.#look(item, { ahead, negated, lengths }));
  }

  #look(item: Node, look: Omit<Look, "start">): number {
    this.#waiting.push({ look: this.#looks.length, item });
    return this.#looks.push({ ...look, start: 0 }) - 1;
  }
}

const isEmpty = (node: Node): boolean =>
  (node.kind === "sequence" && node.items.every(isEmpty)) || (node.kind === "choice" && node.options.every(isEmpty));

/** The numbers of characters that a node may match. */
function lengthsOf(node: Node): ReadonlySet<number> {
  switch (node.kind) {
    case "set":
      return new Set([1]);
    case "look":
      return new Set([0]);
    case "atomic":
      return lengthsOf(node.item);
    case "choice":
      return bounded(node.options.flatMap((option) => [...lengthsOf(option)]));
    case "sequence":
      return node.items.reduce<ReadonlySet<number>>((sums, item) => added(sums, lengthsOf(item)), new Set([0]));
    case "repeat": {
      let [sums, all]: [ReadonlySet<number>, number[]] = [new Set([0]), node.min === 0 ? [0] : []];
      if (node.max > MOST_LENGTHS) throw new Error("a look behind has no bounded length");
      for (let i = 1; i <= node.max; i++) {
        sums = added(sums, lengthsOf(node.item));
        if (i >= node.min) all = [...bounded([...all, ...sums])];
      }
      return new Set(all);
    }
  }
}

const added = (a: ReadonlySet<number>, b: ReadonlySet<number>): ReadonlySet<number> =>
  bounded([...a].flatMap((x) => [...b].map((y) => x + y)));

function bounded(lengths: readonly number[]): ReadonlySet<number> {
  const set = new Set(lengths);
  if (set.size > MOST_LENGTHS) throw new Error(`a look behind has more than ${MOST_LENGTHS} lengths`);
  return set;
}
