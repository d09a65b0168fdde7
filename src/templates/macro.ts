import { ownEntry } from "../common/index.ts";
import { typeError } from "./errors.ts";
import type { Run } from "./run.ts";
import { Callable, Dict, type Keywords, Markup, Tuple, Undefined, type Value } from "./values.ts";

/** The parameters of a macro. */
export interface MacroParameters {
  readonly name: string | undefined;
  readonly names: readonly string[];
  /** True if its body reads `caller`, `kwargs` and `varargs`. */
  readonly takesCaller: boolean;
  readonly takesKeywords: boolean;
  readonly takesRest: boolean;
}

/** A macro, or the body of a `{% call %}` block, which is called `caller`. */
export class Macro extends Callable {
  readonly typeName = "Macro";
  readonly #parameters: MacroParameters;
  readonly #body: (run: Run, values: readonly (Value | undefined)[]) => string;

  /** The body gets the parameters' values, undefined where none is given, then caller, keywords and rest as taken. */
  constructor(parameters: MacroParameters, body: (run: Run, values: readonly (Value | undefined)[]) => string) {
    super();
    this.#parameters = parameters;
    this.#body = body;
  }

  override attribute(_run: Run, name: string): Value | undefined {
    const { names, takesCaller, takesKeywords, takesRest } = this.#parameters;
    const attributes: Readonly<Record<string, Value>> = {
      name: this.#parameters.name ?? null,
      arguments: new Tuple(names),
      caller: takesCaller,
      catch_kwargs: takesKeywords,
      catch_varargs: takesRest,
      explicit_caller: names.includes("caller"),
    };
    return ownEntry(attributes, name);
  }

  override call(run: Run, args: readonly Value[], keywords: Keywords): Value {
    const values = this.#bind(args, new Map(keywords));
    const text = run.call(() => this.#body(run, values));
    return run.autoescape ? new Markup(text) : text;
  }

  #bind(args: readonly Value[], keywords: Map<string, Value>): (Value | undefined)[] {
    const { name, names, takesCaller, takesKeywords, takesRest } = this.#parameters;
    const values: (Value | undefined)[] = args.slice(0, names.length);
    let foundCaller = values.length === names.length && names.includes("caller");
    for (const parameter of names.slice(values.length)) {
      values.push(keywords.get(parameter));
      keywords.delete(parameter);
      if (parameter === "caller") foundCaller = true;
    }
    if (takesCaller && !foundCaller) {
      const given = keywords.get("caller");
      values.push(given === undefined || given === null ? new Undefined({ hint: "No caller defined" }) : given);
      keywords.delete("caller");
    }
    if (takesKeywords) values.push(dictOfKeywords(keywords));
    else if (keywords.size > 0) throw unexpected(String(name), keywords);
    if (takesRest) values.push(new Tuple(args.slice(names.length)));
    else if (args.length > names.length)
      throw typeError(`macro '${name}' takes not more than ${names.length} argument(s)`);
    return values;
  }

  override represent(): string {
    return `<Macro ${this.#parameters.name === undefined ? "anonymous" : `'${this.#parameters.name}'`}>`;
  }
}

function dictOfKeywords(keywords: Keywords): Dict {
  const dict = new Dict();
  for (const [key, value] of keywords) dict.set(key, value);
  return dict;
}

const unexpected = (name: string, keywords: Keywords): Error =>
  typeError(
    keywords.has("caller")
      ? `macro '${name}' was invoked with two values for the special caller argument. This is most likely a bug.`
      : `macro '${name}' takes no keyword argument '${[...keywords.keys()][0]}'`,
  );
