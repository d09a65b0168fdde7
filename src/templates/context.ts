import { str } from "./print.ts";
import { escapeHtml } from "./protocols.ts";
import type { Run } from "./run.ts";
import type { Unit } from "./symbols.ts";
import { Callable, Markup, PyObject, Undefined, type Value } from "./values.ts";

/** The output of text. */
export class Output {
  readonly #parts: string[] = [];
  #length = 0;

  write(run: Run, text: string): void {
    if (text === "") return;
    this.#length += text.length;
    run.grow(this.#length, text.length);
    this.#parts.push(text);
  }

  /** Writes a value as `{{ value }}` does. */
  print(run: Run, value: Value): void {
    this.write(run, run.autoescape ? escapeHtml(run, value).text : str(run, value));
  }

  /** All that was written. */
  text(run: Run): string {
    run.allocate(this.#length);
    return this.#parts.join("");
  }
}

/** The body of a `{% block %}`. */
export type Block = (context: Context, run: Run, out: Output) => void;

/** The names that a template can read, and those it sets outside of blocks and loops. */
export class Context {
  readonly vars = new Map<string, Value>();
  readonly parent: ReadonlyMap<string, Value>;
  readonly blocks: ReadonlyMap<string, Block>;
  /** The marks before and after a `{% generation %}` block. */
  readonly marks: readonly [string, string] | undefined;

  constructor(
    parent: ReadonlyMap<string, Value>,
    blocks: ReadonlyMap<string, Block>,
    marks?: readonly [string, string],
  ) {
    this.parent = parent;
    this.blocks = blocks;
    this.marks = marks;
  }

  resolve(name: string): Value | undefined {
    const own = this.vars.get(name);
    return own === undefined ? this.parent.get(name) : own;
  }

  /** The context of a scoped block, which sees local names too. */
  derived(locals: ReadonlyMap<string, Value>): Context {
    return new Context(new Map([...this.parent, ...this.vars, ...locals]), this.blocks, this.marks);
  }
}

/** The variables of a unit at work. */
export class Activation {
  readonly unit: Unit;
  readonly parent: Activation | undefined;
  readonly context: Context;
  readonly run: Run;
  readonly slots: (Value | undefined)[] = [];

  constructor(unit: Unit, context: Context, run: Run, parent?: Activation) {
    this.unit = unit;
    this.context = context;
    this.run = run;
    this.parent = parent;
  }
}

/** The variable `self`: the blocks of a template by name. */
export class TemplateReference extends PyObject {
  readonly typeName = "TemplateReference";
  readonly #context: Context;

  constructor(context: Context) {
    super();
    this.#context = context;
  }

  override attribute(_run: Run, name: string): Value | undefined {
    const block = this.#context.blocks.get(name);
    return block && new BlockReference(this.#context, block, name);
  }

  override represent(): string {
    return "<TemplateReference None>";
  }
}

class BlockReference extends Callable {
  readonly typeName = "BlockReference";
  readonly #context: Context;
  readonly #block: Block;
  readonly #name: string;

  constructor(context: Context, block: Block, name: string) {
    super();
    [this.#context, this.#block, this.#name] = [context, block, name];
  }

  override attribute(_run: Run, name: string): Value | undefined {
    if (name === "name") return this.#name;
    return name === "super" ? noParentBlock(this.#name) : undefined;
  }

  override call(run: Run): Value {
    return run.call(() => {
      const out = new Output();
      this.#block(this.#context, run, out);
      return run.autoescape ? new Markup(out.text(run)) : out.text(run);
    });
  }
}

export const noParentBlock = (name: string): Undefined =>
  new Undefined({ hint: `there is no parent block called '${name}'.` });
