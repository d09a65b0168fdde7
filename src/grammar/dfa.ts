import type { Budget } from "./budget.ts";

/** A deterministic automaton over bytes, as plain data. State −1 is dead; every other one leads to an accepting one. */
export interface Dfa {
  /** The start, or −1 where the language is empty. */
  readonly start: number;
  /** `[states]`: 1 where the bytes so far are a word of the language. */
  readonly accepting: Uint8Array;
  /** `[256]`: the class of each byte; bytes of a class lead alike from every state. */
  readonly classes: Uint8Array;
  /** The number of classes. */
  readonly width: number;
  /** `[states × width]`: the next state, or −1. */
  readonly table: Int32Array;
}

/** The state after one more byte; −1 where no word goes on so. */
export function step(dfa: Dfa, state: number, byte: number): number {
  return state < 0 ? -1 : (dfa.table[state * dfa.width + (dfa.classes[byte] as number)] as number);
}

/** The state after bytes. */
export function run(dfa: Dfa, bytes: Iterable<number>): number {
  let state = dfa.start;
  for (const byte of bytes) {
    if (state < 0) break;
    state = step(dfa, state, byte);
  }
  return state;
}

export function accepts(dfa: Dfa, bytes: Iterable<number>): boolean {
  const state = run(dfa, bytes);
  return state >= 0 && dfa.accepting[state] === 1;
}

export function isEmpty(dfa: Dfa): boolean {
  return dfa.start < 0;
}

/** An automaton by its behaviour. */
export interface Behaviour<S> {
  readonly start: S;
  /** A text that is the same for the same state. */
  key(state: S): string | number;
  /** The next state; undefined where no word goes on so. */
  step(state: S, byte: number): S | undefined;
  accepts(state: S): boolean;
  /** `[256]`: bytes of a class must lead alike from every state. */
  readonly classes: Uint8Array;
}

/** Explores the states that a start reaches, and keeps those from which a word can end. */
export function explore<S>(behaviour: Behaviour<S>, budget: Budget): Dfa {
  const { classes } = behaviour;
  const width = 1 + classes.reduce((most, one) => Math.max(most, one), 0);
  const sample = Array.from({ length: width }, (_, one) => classes.indexOf(one));
  const numbers = new Map<string | number, number>([[behaviour.key(behaviour.start), 0]]);
  const states: S[] = [behaviour.start];
  const rows: number[] = [];
  for (let at = 0; at < states.length; at++) {
    budget.states(states.length);
    for (const byte of sample) {
      const next = behaviour.step(states[at] as S, byte);
      if (next === undefined) {
        rows.push(-1);
        continue;
      }
      const key = behaviour.key(next);
      let number = numbers.get(key);
      if (number === undefined) {
        number = states.length;
        numbers.set(key, number);
        states.push(next);
      }
      rows.push(number);
    }
  }
  const accepting = Uint8Array.from(states, (state) => Number(behaviour.accepts(state)));
  return trim({ start: 0, accepting, classes, width, table: Int32Array.from(rows) });
}

/** Removes states from which no word can end. */
function trim({ accepting, classes, width, table }: Dfa): Dfa {
  const count = accepting.length;
  const before: number[][] = Array.from({ length: count }, () => []);
  for (let i = 0; i < table.length; i++) {
    const next = table[i] as number;
    if (next >= 0) (before[next] as number[]).push(Math.floor(i / width));
  }
  const alive = Uint8Array.from(accepting);
  const waiting = [...accepting.keys()].filter((state) => accepting[state]);
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop())
    for (const earlier of before[state] as number[])
      if (!alive[earlier]) {
        alive[earlier] = 1;
        waiting.push(earlier);
      }
  const renamed = new Int32Array(count).fill(-1);
  let kept = 0;
  for (let state = 0; state < count; state++) if (alive[state]) renamed[state] = kept++;
  const rows = new Int32Array(kept * width);
  for (let state = 0; state < count; state++) {
    const to = renamed[state] as number;
    if (to < 0) continue;
    for (let one = 0; one < width; one++) {
      const next = table[state * width + one] as number;
      rows[to * width + one] = next < 0 ? -1 : (renamed[next] as number);
    }
  }
  return {
    start: renamed[0] as number,
    accepting: accepting.filter((_, state) => alive[state]),
    classes,
    width,
    table: rows,
  };
}

/** The classes that are finer than both. */
export function jointClasses(a: Uint8Array, b: Uint8Array): Uint8Array {
  const numbers = new Map<number, number>();
  return a.map((one, byte) => {
    const pair = one * 256 + (b[byte] as number);
    const number = numbers.get(pair) ?? numbers.size;
    numbers.set(pair, number);
    return number;
  });
}

/** The words that two automata accept, combined. */
export function combine(a: Dfa, b: Dfa, how: "both" | "first only" | "either", budget: Budget): Dfa {
  const isIn = (dfa: Dfa, state: number): boolean => state >= 0 && dfa.accepting[state] === 1;
  return explore<readonly [number, number]>(
    {
      start: [a.start, b.start],
      key: ([x, y]) => (x + 1) * 2 ** 26 + y + 1,
      step: ([x, y], byte) => {
        const next = [step(a, x, byte), step(b, y, byte)] as const;
        const isDead =
          how === "both" ? next[0] < 0 || next[1] < 0 : how === "either" ? next[0] < 0 && next[1] < 0 : next[0] < 0;
        return isDead ? undefined : next;
      },
      accepts: ([x, y]) => {
        if (how === "both") return isIn(a, x) && isIn(b, y);
        if (how === "either") return isIn(a, x) || isIn(b, y);
        return isIn(a, x) && !isIn(b, y);
      },
      classes: jointClasses(a.classes, b.classes),
    },
    budget,
  );
}

/** The automaton of a finite set of words. */
export function wordsDfa(words: Iterable<Uint8Array>, budget: Budget): Dfa {
  const used = new Uint8Array(256);
  const children: Map<number, number>[] = [new Map()];
  const ends: number[] = [0];
  for (const word of words) {
    let state = 0;
    for (const byte of word) {
      used[byte] = 1;
      let next = (children[state] as Map<number, number>).get(byte);
      if (next === undefined) {
        next = children.length;
        (children[state] as Map<number, number>).set(byte, next);
        children.push(new Map());
        ends.push(0);
        if ((next & 1023) === 0) budget.step();
      }
      state = next;
    }
    ends[state] = 1;
  }
  let width = 1;
  const classes = used.map((isUsed) => (isUsed ? width++ : 0));
  const table = new Int32Array(children.length * width).fill(-1);
  for (const [state, next] of children.entries())
    for (const [byte, to] of next) table[state * width + (classes[byte] as number)] = to;
  const start = ends.includes(1) ? 0 : -1;
  return { start, accepting: Uint8Array.from(ends), classes, width, table };
}

/** More words than can ever be used up. */
export const MANY = 1e12;

/** `[states]`: the number of words that end from each state on, at most {@link MANY}. */
export function countWords({ accepting, classes, width, table }: Dfa): Float64Array {
  const bytes = new Float64Array(width);
  for (const one of classes) bytes[one] = (bytes[one] as number) + 1;
  const counts = new Float64Array(accepting.length).fill(-1);
  const onPath = new Uint8Array(accepting.length);
  for (let root = 0; root < accepting.length; root++) {
    const path: { state: number; one: number; sum: number }[] = [];
    const enter = (state: number): void => {
      onPath[state] = 1;
      path.push({ state, one: 0, sum: accepting[state] as number });
    };
    if (counts[root] === -1) enter(root);
    while (path.length > 0) {
      const top = path[path.length - 1] as { state: number; one: number; sum: number };
      if (top.one === width) {
        counts[top.state] = Math.min(MANY, top.sum);
        onPath[top.state] = 0;
        path.pop();
        continue;
      }
      const next = table[top.state * width + top.one] as number;
      if (next < 0) top.one++;
      else if (onPath[next]) {
        top.sum = MANY; // a cycle of states that all lead to an end
        top.one++;
      } else if (counts[next] === -1) enter(next);
      else top.sum += (counts[next] as number) * (bytes[top.one++] as number);
    }
  }
  return closeCycles(counts, { width, table });
}

/** States that reach one of many words have many. */
function closeCycles(counts: Float64Array, { width, table }: Pick<Dfa, "width" | "table">): Float64Array {
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 0; i < table.length; i++) {
      const [state, next] = [Math.floor(i / width), table[i] as number];
      if (next >= 0 && (counts[next] as number) >= MANY && (counts[state] as number) < MANY) {
        counts[state] = MANY;
        changed = true;
      }
    }
  }
  return counts;
}
