import { compileExpression } from "./compile-expressions.ts";
import { Activation, Output } from "./context.ts";
import { entrance, type Frame, inner, writer } from "./frame.ts";
import { syntaxError } from "./lexer.ts";
import { Macro, type MacroParameters } from "./macro.ts";
import type { Parameters, Statement } from "./nodes.ts";
import { analyze, type Reference, readNames, Unit } from "./symbols.ts";
import { Undefined, type Value } from "./values.ts";

/** A macro's signature and body. */
interface MacroSource extends Parameters {
  readonly name: string | undefined;
  readonly body: readonly Statement[];
  readonly line: number;
}

/** Code that makes a macro, which keeps the variables around it. */
export function compileMacro(node: MacroSource, outer: Frame): (activation: Activation) => Macro {
  const frame = inner(outer, new Unit(outer.symbols.unit));
  const { symbols } = frame;
  analyze(symbols, [...node.parameters, ...node.defaults, ...node.body]);
  const names = node.parameters.map(({ name }) => name);
  const read = readNames(node.body, ["caller", "kwargs", "varargs"]);
  const parameters: MacroParameters = {
    name: node.name,
    names,
    takesCaller: read.has("caller"),
    takesKeywords: read.has("kwargs") && !names.includes("kwargs"),
    takesRest: read.has("varargs") && !names.includes("varargs"),
  };
  if (
    parameters.takesCaller &&
    names.indexOf("caller") >= 0 &&
    names.indexOf("caller") < names.length - node.defaults.length
  )
    throw syntaxError(
      'When defining macros or call blocks the special "caller" argument must be omitted or be given a default.',
      node.line,
    );
  const special = [
    ...(parameters.takesCaller && !names.includes("caller") ? ["caller"] : []),
    ...(parameters.takesKeywords ? ["kwargs"] : []),
    ...(parameters.takesRest ? ["varargs"] : []),
  ];
  for (const name of special) symbols.declareParameter(name);
  const writers = [...names, ...special].map((name) => writer(symbols.unit, symbols.find(name) as Reference));
  const defaults = compileDefaults(node, frame);
  const enter = entrance(symbols);
  const code = frame.compileBody(node.body, frame);
  return (around) => {
    const { context } = around;
    return new Macro(parameters, (run, values) => {
      const activation = new Activation(symbols.unit, context, run, around);
      for (const [i, write] of writers.entries()) if (values[i] !== undefined) write(activation, values[i] as Value);
      enter(activation);
      for (const [i, fill] of defaults.entries()) if (values[i] === undefined) fill(activation);
      const out = new Output();
      code(activation, out);
      return out.text(run);
    });
  };
}

/** Code that gives each parameter its default. */
function compileDefaults({ parameters, defaults }: MacroSource, frame: Frame): ((activation: Activation) => void)[] {
  return parameters.map(({ name }, i) => {
    const write = writer(frame.symbols.unit, frame.symbols.find(name) as Reference);
    const node = defaults[i - parameters.length + defaults.length];
    if (!node) {
      const hint = `parameter '${name}' was not provided`;
      return (activation) => write(activation, new Undefined({ hint }));
    }
    const value = compileExpression(node, frame);
    return (activation) => write(activation, value(activation));
  });
}
