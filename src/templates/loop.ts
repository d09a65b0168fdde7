import { typeError } from "./errors.ts";
import { equal, iterate, lengthOf } from "./protocols.ts";
import type { Run } from "./run.ts";
import { Builtin, Callable, type Keywords, Tuple, Undefined, type Value } from "./values.ts";

/** Renders a recursive loop again, over other items. */
export type Recurse = (items: Value, depth: number) => Value;

/** The variable `loop` within a loop. Items are read one ahead at most, unless the length is asked for. */
export class LoopContext extends Callable {
  readonly typeName = "LoopContext";
  readonly #items: Value;
  #iterator: Iterator<Value>;
  readonly #recurse: Recurse | undefined;
  readonly #depth0: number;
  #index0 = -1;
  #length: number | undefined;
  #after: IteratorResult<Value> | undefined;
  #current: Value | undefined;
  #before: Value | undefined;
  #lastChanged: Value | undefined;

  constructor(run: Run, items: Value, recurse?: Recurse, depth0 = 0) {
    super();
    this.#items = items;
    this.#iterator = iterate(run, items);
    this.#recurse = recurse;
    this.#depth0 = depth0;
  }

  next(): Value | undefined {
    const result = this.#after ?? this.#iterator.next();
    this.#after = undefined;
    if (result.done) return undefined;
    this.#index0++;
    this.#before = this.#current;
    this.#current = result.value;
    return result.value;
  }

  #peek(): IteratorResult<Value> {
    this.#after ??= this.#iterator.next();
    return this.#after;
  }

  size(run: Run): number {
    if (this.#length === undefined) {
      this.#length = lengthOf(run, this.#items);
      if (this.#length === undefined) {
        const rest: Value[] = [];
        for (let next = this.#iterator.next(); !next.done; next = this.#iterator.next()) {
          run.items(1);
          rest.push(next.value);
        }
        this.#iterator = rest.values();
        const ahead = this.#after !== undefined && !this.#after.done ? 1 : 0;
        this.#length = rest.length + this.#index0 + 1 + ahead;
      }
    }
    return this.#length;
  }

  override attribute(run: Run, name: string): Value | undefined {
    return Object.hasOwn(this.#attributes, name) ? this.#attributes[name]?.(run) : undefined;
  }

  readonly #attributes: Readonly<Record<string, (run: Run) => Value>> = {
    index0: () => this.#index0,
    index: () => this.#index0 + 1,
    length: (run) => this.size(run),
    revindex0: (run) => this.size(run) - this.#index0 - 1,
    revindex: (run) => this.size(run) - this.#index0,
    first: () => this.#index0 === 0,
    last: () => this.#peek().done === true,
    depth0: () => this.#depth0,
    depth: () => this.#depth0 + 1,
    previtem: () =>
      this.#index0 === 0 ? new Undefined({ hint: "there is no previous item" }) : (this.#before as Value),
    nextitem: () => {
      const next = this.#peek();
      return next.done ? new Undefined({ hint: "there is no next item" }) : next.value;
    },
    cycle: () =>
      new Builtin("cycle", (_, args) => {
        if (args.length === 0) throw typeError("no items for cycling given");
        return args[this.#index0 % args.length] as Value;
      }),
    changed: () =>
      new Builtin("changed", (run, args) => {
        const value = new Tuple(args);
        if (this.#lastChanged !== undefined && equal(run, this.#lastChanged, value)) return false;
        this.#lastChanged = value;
        return true;
      }),
  };

  override call(run: Run, args: readonly Value[], keywords: Keywords): Value {
    const [items, ...rest] = args;
    if (items === undefined || rest.length > 0 || keywords.size > 0)
      throw typeError(`LoopContext.__call__() takes 1 argument, got ${args.length + keywords.size}`);
    const recurse = this.#recurse;
    if (!recurse) throw typeError("The loop must have the 'recursive' marker to be called recursively.");
    return run.call(() => recurse(items, this.#depth0 + 1));
  }

  /** Iterating over `loop` itself reads the loop's own items. */
  override *iterate(): Iterator<Value> {
    for (let item = this.next(); item !== undefined; item = this.next()) yield new Tuple([item, this]);
  }

  override represent(run: Run): string {
    return `<LoopContext ${this.#index0 + 1}/${this.size(run)}>`;
  }
}

/** The items of a loop that pass its test. */
export function* passing(run: Run, items: Value, passes: (item: Value) => boolean): Generator<Value> {
  const iterator = iterate(run, items);
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    run.step();
    if (passes(next.value)) yield next.value;
  }
}
