import { ownEntry } from "../common/index.ts";
import { compile } from "./compile.ts";
import { Context, Output } from "./context.ts";
import { toValue } from "./convert.ts";
import { TemplateError } from "./errors.ts";
import type { Compiled } from "./frame.ts";
import { GLOBALS } from "./globals.ts";
import { syntaxError, type Whitespace } from "./lexer.ts";
import { parse } from "./parse.ts";
import { Run, type TemplateLimits } from "./run.ts";
import type { Value } from "./values.ts";

/** The settings by which a template is read. */
export interface TemplateOptions {
  /** The white space around tags; default `trimmed`, as in chat templates. */
  readonly whitespace?: Whitespace | undefined;
}

/** The settings by which a template is rendered. */
export interface RenderOptions {
  readonly limits?: TemplateLimits | undefined;
  /** True if an undefined variable can only be tested for, as with Jinja's `StrictUndefined`; default false. */
  readonly strict?: boolean | undefined;
  /** The marks before and after a `{% generation %}` block. */
  readonly marks?: readonly [before: string, after: string] | undefined;
  /**
   * Called with lists and objects of the context, by their own identity: with those whose items the template reads, and
   * with those that it writes out as a whole.
   */
  readonly watch?:
    | { readonly iterated: (given: object) => void; readonly printed: (given: object) => void }
    | undefined;
}

/** Templates by the names that `{% include "name" %}` knows them by. */
export type Partials = Readonly<Record<string, string>>;

/** Longer templates are refused. */
const LONGEST = 2 ** 19;

/**
 * A template of Python's Jinja, as jinja2 3.1.6 renders it in an immutable sandbox with `trim_blocks`, `lstrip_blocks`
 * and loop controls, and with transformers' `tojson` and `{% generation %}`. It includes the partials that it is given and
 * cannot load other templates.
 *
 * https://jinja.palletsprojects.com/en/stable/templates/
 */
export class Template {
  readonly #compiled: Compiled;

  /** Throws a {@link TemplateError} where the text is no template. */
  constructor(source: string, partials: Partials = {}, { whitespace }: TemplateOptions = {}) {
    this.#compiled = withinStack(() => compileWith(source, { partials, whitespace }, []));
  }

  /** The names that the template and its partials read from the context, sorted; those that every template has are left out. */
  get variables(): string[] {
    return [...this.#compiled.reads].filter((name) => !GLOBALS.has(name)).sort();
  }

  /** The text that the template makes of a context; throws a {@link TemplateError} where it fails or takes too much. */
  render(context: Readonly<Record<string, unknown>>, { limits, marks, watch, strict }: RenderOptions = {}): string {
    const origins = new Map<object, object>();
    const run = new Run(limits, watch && watcherOf(origins, watch), strict);
    try {
      return withinStack(() => {
        const names = new Map<string, Value>(GLOBALS);
        for (const [name, given] of Object.entries(context))
          if (given !== undefined) names.set(name, toValue(run, given, watch && origins));
        const out = new Output();
        const { root, blocks } = this.#compiled;
        root(new Context(names, blocks, marks), run, out);
        return out.text(run);
      });
    } catch (cause) {
      if (cause instanceof TemplateError) cause.line ??= run.line;
      throw cause;
    }
  }
}

/** The code of a template and of what it includes. @param around the names of the partials that include it */
function compileWith(
  source: string,
  options: { readonly partials: Partials } & TemplateOptions,
  around: readonly string[],
): Compiled {
  const { partials, whitespace } = options;
  if (source.length > LONGEST)
    throw new TemplateError("limit", `the template has ${source.length} characters, of which ${LONGEST} are allowed`);
  return compile(parse(source, whitespace), (name, line) => {
    const included = ownEntry(partials, name);
    if (included === undefined) return undefined;
    if (around.includes(name))
      throw syntaxError(`partial '${name}' includes itself: ${[...around, name].join(" → ")}`, line);
    return compileWith(included, options, [...around, name]);
  });
}

const watcherOf = (origins: ReadonlyMap<object, object>, watch: NonNullable<RenderOptions["watch"]>) => {
  const forward = (call: (given: object) => void) => (value: object) => {
    const origin = origins.get(value);
    if (origin) call(origin);
  };
  return { iterated: forward(watch.iterated), printed: forward(watch.printed) };
};

/** Runs code that recurs as deep as templates and values are nested, which may be too deep. */
function withinStack<T>(body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new TemplateError("limit", `the template is too deep or too large: ${cause.message}`);
    throw cause;
  }
}
