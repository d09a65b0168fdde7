import { ARRAY_START, ArrayPlan, type ArrayProgress } from "./array-plan.ts";
import { DistinctRun, type UsedTexts } from "./distinct-run.ts";
import type { ArrayRule, Grammar, ObjectRule } from "./grammar.ts";
import type { LexerRun } from "./lexer-run.ts";
import { LiteralRun, runLexer } from "./lexers.ts";
import { ObjectPlan, type ObjectProgress } from "./object-plan.ts";

/** What is still to be written, from the top of the stack down. */
type Frame =
  | { readonly kind: "value"; readonly node: number }
  | { readonly kind: "lexer"; readonly run: LexerRun }
  | {
      readonly kind: "object";
      readonly plan: ObjectPlan;
      readonly progress: ObjectProgress;
      readonly used: UsedTexts;
      readonly needsKey: boolean;
    }
  | {
      readonly kind: "key";
      readonly plan: ObjectPlan;
      readonly after: ObjectProgress;
      readonly value: number;
      readonly used: UsedTexts;
    }
  | {
      readonly kind: "array";
      readonly plan: ArrayPlan;
      readonly progress: ArrayProgress;
      readonly used: UsedTexts;
      readonly place: "begin" | "item" | "after";
    }
  | { readonly kind: "item"; readonly plan: ArrayPlan; readonly after: ArrayProgress; readonly used: UsedTexts };

/** A stack of frames; equal stacks are one object. */
interface Cell {
  readonly id: number;
  readonly frame: Frame;
  readonly below: Cell | undefined;
  /** The threads that the stack goes on with. */
  threads?: readonly Thread[];
}

/** A lexer in a state, and what comes after it; without a lexer, the end of the text. */
export interface Thread {
  readonly id: number;
  readonly run: LexerRun | undefined;
  readonly state: number;
  readonly below: Cell | undefined;
}

/** The state of an automaton: all ways in which the bytes so far can be read. */
export interface State {
  readonly threads: readonly Thread[];
  /** True if the text may end here. */
  readonly isComplete: boolean;
  /** The states after bytes, as far as they are known; null: dead. */
  readonly next: Map<number, State | null>;
  /** The tokens that may follow, where they are known: see {@link Automaton.keepMask}. */
  mask?: Uint32Array;
}

/** A mask of so many words takes about as much memory as a stack or a thread. */
const WORDS_AS_ONE = 32;

/** A mark of punctuation, after which a space may stand. */
function mark(text: string, isSpaced = false): LexerRun {
  return new LiteralRun(Uint8Array.of(text.charCodeAt(0)), isSpaced);
}

const NOTHING_USED: UsedTexts = { id: 0, count: 0 };

/** A grammar at work: a pushdown automaton whose states are made as they are needed, and kept. */
export class Automaton {
  readonly #grammar: Grammar;
  readonly #lexers: LexerRun[] = [];
  readonly #plans = new Map<object, ObjectPlan | ArrayPlan>();
  readonly #punctuation = {
    "{": mark("{"),
    "}": mark("}"),
    "[": mark("["),
    "]": mark("]"),
    ",": mark(",", true),
    ":": mark(":", true),
  } as const;
  readonly #planIds = new Map<object, number>();
  readonly #cells = new Map<string, Cell>();
  readonly #threads = new Map<string, Thread>();
  readonly #states = new Map<string, State>();
  readonly #used = new Map<string, UsedTexts>();
  readonly #distinct = new Map<string, DistinctRun>();
  #count = 1;
  #kept = 0;
  #start: State | undefined;

  constructor(grammar: Grammar) {
    this.#grammar = grammar;
  }

  /** The state before the first byte. */
  get start(): State {
    this.#start ??= this.#state(this.#expand(this.#cell({ kind: "value", node: this.#grammar.root }, undefined)));
    return this.#start;
  }

  /** The stacks, threads, states and texts in use that are kept, and masks by their size: 100 to 200 bytes each. */
  get kept(): number {
    return this.#count + this.#kept;
  }

  /** Keeps the tokens that may follow a state. */
  keepMask(state: State, mask: Uint32Array): void {
    state.mask = mask;
    this.#kept += Math.ceil(mask.length / WORDS_AS_ONE);
  }

  /** The state after one more byte; null where no text goes on so. */
  step(from: State, byte: number): State | null {
    const known = from.next.get(byte);
    if (known !== undefined) return known;
    const threads: Thread[] = [];
    for (const thread of from.threads) {
      const next = thread.run?.step(thread.state, byte) ?? -1;
      if (next >= 0) this.#advance(thread, next, threads);
    }
    const to = threads.length === 0 ? null : this.#state(threads);
    from.next.set(byte, to);
    return to;
  }

  /** The threads that go on behind a state in which the lexer of a thread accepts. */
  behind({ run, below }: Thread, state: number): readonly Thread[] {
    return this.#after(below, run?.text?.(state));
  }

  /** The state of threads together. */
  join(threads: readonly Thread[]): State {
    return this.#state(threads);
  }

  #advance({ run, below }: Thread, state: number, threads: Thread[]): void {
    if (run?.isOpen(state)) threads.push(this.#thread(run, state, below));
    if (run?.accepts(state)) threads.push(...this.#after(below, run.text?.(state)));
  }

  /** So many plain characters may follow a state, whatever they are: those that a string of JSON has without an escape. */
  plain({ threads }: State): number {
    return threads.reduce((most, { run, state }) => Math.max(most, run?.plain(state) ?? 0), 0);
  }

  #state(threads: readonly Thread[]): State {
    const unique = threads.length === 1 ? threads : [...new Set(threads)].sort((a, b) => a.id - b.id);
    const key = unique.map(({ id }) => id).join();
    let state = this.#states.get(key);
    if (!state) {
      state = { threads: unique, isComplete: unique.some(({ run }) => run === undefined), next: new Map() };
      this.#states.set(key, state);
      this.#kept++;
    }
    return state;
  }

  #thread(run: LexerRun | undefined, state: number, below: Cell | undefined): Thread {
    const key = `${run?.id ?? ""} ${state} ${below?.id ?? 0}`;
    let thread = this.#threads.get(key);
    if (!thread) {
      thread = { id: this.#count++, run, state, below };
      this.#threads.set(key, thread);
    }
    return thread;
  }

  #cell(frame: Frame, below: Cell | undefined): Cell {
    const key = `${this.#frameKey(frame)} ${below?.id ?? 0}`;
    let cell = this.#cells.get(key);
    if (!cell) {
      cell = { id: this.#count++, frame, below };
      this.#cells.set(key, cell);
    }
    return cell;
  }

  #frameKey(frame: Frame): string {
    switch (frame.kind) {
      case "value":
        return `v${frame.node}`;
      case "lexer":
        return `l${frame.run.id}`;
      case "object":
        return `o${this.#idOf(frame.plan)} ${Object.values(frame.progress).join(",")} ${frame.used.id} ${+frame.needsKey}`;
      case "key":
        return `k${this.#idOf(frame.plan)} ${Object.values(frame.after).join(",")} ${frame.value} ${frame.used.id}`;
      case "array":
        return `a${this.#idOf(frame.plan)} ${frame.progress.index} ${frame.progress.counts.join()} ${frame.used.id} ${frame.place}`;
      case "item":
        return `i${this.#idOf(frame.plan)} ${frame.after.index} ${frame.after.counts.join()} ${frame.used.id}`;
    }
  }

  #idOf(plan: object): number {
    let id = this.#planIds.get(plan);
    if (id === undefined) {
      id = this.#planIds.size;
      this.#planIds.set(plan, id);
    }
    return id;
  }

  /** Puts frames on a stack, the first of them on top. */
  #push(below: Cell | undefined, ...frames: readonly Frame[]): readonly Thread[] {
    return this.#expand(frames.reduceRight<Cell | undefined>((cell, frame) => this.#cell(frame, cell), below));
  }

  /** The threads after a lexer is done. @param text what it read, where it keeps it */
  #after(cell: Cell | undefined, text: string | undefined): readonly Thread[] {
    if (!cell || text === undefined) return this.#expand(cell);
    const { frame, below } = cell;
    if (frame.kind === "key") {
      const rest: Frame = {
        kind: "object",
        plan: frame.plan,
        progress: frame.after,
        used: this.#use(frame.used, text),
        needsKey: false,
      };
      return this.#push(
        below,
        { kind: "lexer", run: this.#punctuation[":"] },
        { kind: "value", node: frame.value },
        rest,
      );
    }
    if (frame.kind !== "item") return this.#expand(cell);
    return this.#push(below, {
      kind: "array",
      plan: frame.plan,
      progress: frame.after,
      used: this.#use(frame.used, text),
      place: "after",
    });
  }

  #use(used: UsedTexts, text: string): UsedTexts {
    const key = `${used.id} ${text}`;
    let found = this.#used.get(key);
    if (!found) {
      found = { id: this.#count++, count: used.count + 1, text, before: used };
      this.#used.set(key, found);
    }
    return found;
  }

  #lexer(number: number): LexerRun {
    this.#lexers[number] ??= runLexer(this.#grammar.lexers[number] as Grammar["lexers"][number]);
    return this.#lexers[number];
  }

  #distinctLexer(number: number, used: UsedTexts): DistinctRun {
    const key = `${number} ${used.id}`;
    let run = this.#distinct.get(key);
    if (!run) {
      run = new DistinctRun(this.#lexer(number), used);
      this.#distinct.set(key, run);
      this.#kept += used.count;
    }
    return run;
  }

  /** The threads that a stack goes on with. */
  #expand(cell: Cell | undefined): readonly Thread[] {
    if (!cell) return [this.#thread(undefined, 0, undefined)];
    cell.threads ??= this.#threadsOf(cell);
    return cell.threads;
  }

  #threadsOf({ frame, below }: Cell): readonly Thread[] {
    switch (frame.kind) {
      case "value":
        return this.#value(frame.node, below);
      case "lexer":
        return this.#begin(frame.run, below);
      case "object":
        return this.#object(frame, below);
      case "array":
        return this.#array(frame, below);
      default:
        return [];
    }
  }

  #begin(run: LexerRun, below: Cell | undefined): readonly Thread[] {
    const thread = this.#thread(run, run.start, below);
    return run.accepts(run.start) ? [thread, ...this.#expand(below)] : [thread];
  }

  #value(node: number, below: Cell | undefined): Thread[] {
    return (this.#grammar.nodes[node] ?? []).flatMap((one) => {
      if (one.kind === "lexer") return this.#push(below, { kind: "lexer", run: this.#lexer(one.lexer) });
      const open: Frame = { kind: "lexer", run: this.#punctuation[one.kind === "object" ? "{" : "["] };
      if (one.kind === "object") {
        const plan = this.#plan(one, () => new ObjectPlan(one));
        return this.#push(below, open, {
          kind: "object",
          plan,
          progress: plan.start,
          used: NOTHING_USED,
          needsKey: false,
        });
      }
      const plan = this.#plan(one, () => new ArrayPlan(one));
      return this.#push(below, open, {
        kind: "array",
        plan,
        progress: ARRAY_START(one),
        used: NOTHING_USED,
        place: "begin",
      });
    });
  }

  #plan<P extends ObjectPlan | ArrayPlan>(rule: ObjectRule | ArrayRule, make: () => P): P {
    const known = this.#plans.get(rule);
    if (known) return known as P;
    const plan = make();
    this.#plans.set(rule, plan);
    return plan;
  }

  #object(frame: Frame & { kind: "object" }, below: Cell | undefined): Thread[] {
    const { plan, progress, used, needsKey } = frame;
    const threads: Thread[] = [];
    if (!needsKey && plan.canEnd(progress))
      threads.push(...this.#push(below, { kind: "lexer", run: this.#punctuation["}"] }));
    if (!plan.canGoOn(progress)) return threads;
    if (!needsKey && progress.count > 0)
      return [
        ...threads,
        ...this.#push(below, { kind: "lexer", run: this.#punctuation[","] }, { ...frame, needsKey: true }),
      ];
    for (const { property, after } of plan.properties(progress))
      threads.push(
        ...this.#push(
          below,
          { kind: "lexer", run: this.#lexer(property.key) },
          { kind: "value", node: property.value },
          { kind: "object", plan, progress: after, used, needsKey: false },
        ),
      );
    for (const { extra, after } of plan.extras(progress)) {
      const run = this.#distinctLexer(extra.key, used);
      if (run.start >= 0)
        threads.push(
          ...this.#push(below, { kind: "lexer", run }, { kind: "key", plan, after, value: extra.value, used }),
        );
    }
    return threads;
  }

  #array({ plan, progress, used, place }: Frame & { kind: "array" }, below: Cell | undefined): Thread[] {
    const threads: Thread[] = [];
    if (place !== "item" && plan.canEnd(progress))
      threads.push(...this.#push(below, { kind: "lexer", run: this.#punctuation["]"] }));
    const next = plan.next(progress);
    if (next.length === 0 || used.count >= plan.distinct) return threads;
    if (place === "after") {
      const item: Frame = { kind: "array", plan, progress, used, place: "item" };
      return [...threads, ...this.#push(below, { kind: "lexer", run: this.#punctuation[","] }, item)];
    }
    for (const { choice, after } of next) {
      if (!plan.isDistinct) {
        threads.push(
          ...this.#push(
            below,
            { kind: "value", node: choice.value },
            { kind: "array", plan, progress: after, used, place: "after" },
          ),
        );
        continue;
      }
      for (const one of this.#grammar.nodes[choice.value] ?? []) {
        const run = one.kind === "lexer" ? this.#distinctLexer(one.lexer, used) : undefined;
        if (run && run.start >= 0)
          threads.push(...this.#push(below, { kind: "lexer", run }, { kind: "item", plan, after, used }));
      }
    }
    return threads;
  }
}
