import type { Activation } from "./context.ts";
import { PythonError, typeError, valueError } from "./errors.ts";
import { type Frame, reader, writer } from "./frame.ts";
import { Namespace } from "./globals.ts";
import { syntaxError } from "./lexer.ts";
import { type Expression, walk } from "./nodes.ts";
import { typeName } from "./print.ts";
import { iteratorOf } from "./protocols.ts";
import type { Run } from "./run.ts";
import type { Reference } from "./symbols.ts";
import type { Value } from "./values.ts";

/** Code that gives a target its value. */
export function compileTarget(node: Expression, frame: Frame): (activation: Activation, value: Value) => void {
  if (node.type === "name") {
    const write = writer(frame.symbols.unit, frame.symbols.find(node.name) as Reference);
    if (!frame.isTop) return write;
    return (activation, value) => {
      write(activation, value);
      activation.context.vars.set(node.name, value);
    };
  }
  if (node.type === "namespace") {
    const read = reader(frame.symbols.unit, frame.symbols.find(node.name) as Reference);
    return (activation, value) => (read(activation) as Namespace).set(node.attribute, value);
  }
  if (node.type !== "tuple") throw syntaxError(`can't assign to '${node.type}'`, node.line);
  const targets = node.items.map((item) => compileTarget(item, frame));
  return (activation, value) => {
    const values = unpacked(activation.run, value, targets.length);
    for (const [i, target] of targets.entries()) target(activation, values[i] as Value);
  };
}

/** As many items of a value as there are targets. */
function unpacked(run: Run, value: Value, count: number): Value[] {
  const iterator = iteratorOf(run, value);
  if (!iterator) throw typeError(`cannot unpack non-iterable ${typeName(value)} object`);
  const values: Value[] = [];
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    if (values.length === count) throw valueError(`too many values to unpack (expected ${count})`);
    values.push(next.value);
  }
  if (values.length < count) throw valueError(`not enough values to unpack (expected ${count}, got ${values.length})`);
  return values;
}

/** Code that makes sure that what a target sets an attribute of is a namespace. */
export function namespaceCheck(target: Expression, { symbols }: Frame): (activation: Activation) => void {
  const names = [...walk([target])].filter((node) => node.type === "namespace");
  const readers = names.map(({ name }) => reader(symbols.unit, symbols.find(name) as Reference));
  return (activation) => {
    for (const read of readers)
      if (!(read(activation) instanceof Namespace))
        throw new PythonError("RuntimeError", "cannot assign attribute on non-namespace object");
  };
}
