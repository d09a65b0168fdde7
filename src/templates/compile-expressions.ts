import { getAttribute, getItem, slice } from "./attributes.ts";
import type { Activation } from "./context.ts";
import { PythonError, typeError } from "./errors.ts";
import { FILTERS, TESTS } from "./filters.ts";
import { type Evaluate, type Frame, nameReader } from "./frame.ts";
import { syntaxError } from "./lexer.ts";
import type { Arguments, Expression, FilterNode, SliceNode, TestNode } from "./nodes.ts";
import { binary, COMPARISONS, negative, positive } from "./operators.ts";
import { str, textOf, typeName } from "./print.ts";
import { escapeHtml, toList, truth } from "./protocols.ts";
import type { Run } from "./run.ts";
import { Callable, Dict, type Keywords, Markup, Tuple, Undefined, type Value } from "./values.ts";

type Compilers = {
  readonly [Type in Expression["type"]]: (node: Extract<Expression, { type: Type }>, frame: Frame) => Evaluate;
};

/** Code of an expression; what it does is in a table, one entry for each of its types. */
export function compileExpression(node: Expression, frame: Frame): Evaluate {
  return COMPILERS[node.type](node as never, frame);
}

const NO_KEYWORDS: Keywords = new Map();

const COMPILERS: Compilers = {
  constant:
    ({ value }) =>
    () =>
      value,
  name: ({ name }, frame) => nameReader(name, frame),
  namespace: ({ line }) => {
    throw syntaxError("an attribute of a namespace can only be set", line);
  },
  tuple: ({ items }, frame) => {
    const list = listOf(items, frame);
    return (activation) => new Tuple(list(activation));
  },
  list: ({ items }, frame) => listOf(items, frame),
  dict: ({ items }, frame) => {
    const pairs = items.map(
      ({ key, value }) => [compileExpression(key, frame), compileExpression(value, frame)] as const,
    );
    return (activation) => {
      activation.run.items(pairs.length * 2);
      const dict = new Dict();
      for (const [key, value] of pairs) dict.set(key(activation), value(activation));
      return dict;
    };
  },
  binary: ({ operator, left, right }, frame) => {
    const [a, b] = [compileExpression(left, frame), compileExpression(right, frame)];
    return (activation) => {
      activation.run.step();
      return binary(activation.run, operator, a(activation), b(activation));
    };
  },
  logic: ({ operator, left, right }, frame) => {
    const [a, b] = [compileExpression(left, frame), compileExpression(right, frame)];
    const decides = operator === "or";
    return (activation) => {
      const first = a(activation);
      return truth(activation.run, first) === decides ? first : b(activation);
    };
  },
  unary: ({ operator, operand }, frame) => {
    const value = compileExpression(operand, frame);
    if (operator === "not") return (activation) => !truth(activation.run, value(activation));
    const sign = operator === "-" ? negative : positive;
    return (activation) => sign(value(activation));
  },
  compare: ({ first, operators, operands }, frame) => {
    const start = compileExpression(first, frame);
    const rest = operands.map((operand) => compileExpression(operand, frame));
    const tests = operators.map((operator) => COMPARISONS[operator]);
    return (activation) => {
      let left = start(activation);
      for (const [i, test] of tests.entries()) {
        const right = (rest[i] as Evaluate)(activation);
        if (!test(activation.run, left, right)) return false;
        left = right;
      }
      return true;
    };
  },
  concat: ({ items }, frame) => {
    const parts = items.map((item) => compileExpression(item, frame));
    return (activation) =>
      concatenated(
        activation.run,
        parts.map((part) => part(activation)),
      );
  },
  condition: ({ test, then, otherwise, line }, outer) => {
    const frame = { ...outer, isSoft: true };
    const [isTrue, yes] = [compileExpression(test, frame), compileExpression(then, frame)];
    const hint = `the inline if-expression on line ${line} evaluated to false and no else section was defined.`;
    const no = otherwise ? compileExpression(otherwise, frame) : () => new Undefined({ hint });
    return (activation) => (truth(activation.run, isTrue(activation)) ? yes(activation) : no(activation));
  },
  filter: compileFilter,
  test: compileTest,
  call: ({ callee, ...given }, frame) => {
    const target = compileExpression(callee, frame);
    const args = compileArguments(given, frame);
    return (activation) => {
      const value = target(activation);
      return callValue(activation.run, value, ...args(activation));
    };
  },
  attribute: ({ object, name }, frame) => {
    const value = compileExpression(object, frame);
    return (activation) => {
      activation.run.step();
      return getAttribute(activation.run, value(activation), name);
    };
  },
  item: ({ object, key }, frame) => {
    const value = compileExpression(object, frame);
    if (key.type === "slice") return sliceOf(value, key, frame);
    const at = compileExpression(key, frame);
    return (activation) => {
      activation.run.step();
      return getItem(activation.run, value(activation), at(activation));
    };
  },
  slice: ({ line }) => {
    throw syntaxError("a slice can only stand in brackets", line);
  },
};

function listOf(items: readonly Expression[], frame: Frame): (activation: Activation) => Value[] {
  const values = items.map((item) => compileExpression(item, frame));
  return (activation) => {
    activation.run.items(values.length);
    return values.map((value) => value(activation));
  };
}

function concatenated(run: Run, values: readonly Value[]): Value {
  run.step();
  const isHtml = run.autoescape && values.some((value) => value instanceof Markup);
  const texts = values.map((value) => (isHtml ? escapeHtml(run, value).text : str(run, value)));
  const whole = run.text(texts.join(""));
  return isHtml ? new Markup(whole) : whole;
}

function sliceOf(value: Evaluate, { start, stop, step }: SliceNode, frame: Frame): Evaluate {
  const part = (node: Expression | undefined): Evaluate => (node ? compileExpression(node, frame) : () => null);
  const [from, to, by] = [part(start), part(stop), part(step)];
  return (activation) => {
    activation.run.step();
    const object = value(activation);
    return slice(activation.run, object, { start: from(activation), stop: to(activation), step: by(activation) });
  };
}

/** Code of a call's arguments. */
export function compileArguments(
  { args, keywords, restArgs, restKeywords }: Arguments,
  frame: Frame,
): (activation: Activation) => [args: Value[], keywords: Keywords] {
  const values = args.map((arg) => compileExpression(arg, frame));
  const named = keywords.map(({ name, value }) => [name, compileExpression(value, frame)] as const);
  const rest = restArgs && compileExpression(restArgs, frame);
  const more = restKeywords && compileExpression(restKeywords, frame);
  return (activation) => {
    const list = values.map((value) => value(activation));
    if (rest) for (const value of toList(activation.run, rest(activation))) list.push(value);
    if (named.length === 0 && !more) return [list, NO_KEYWORDS];
    const all = new Map(named.map(([name, value]) => [name, value(activation)]));
    if (more) addKeywords(more(activation), all);
    return [list, all];
  };
}

function addKeywords(given: Value, keywords: Map<string, Value>): void {
  if (!(given instanceof Dict)) throw typeError(`argument after ** must be a mapping, not ${typeName(given)}`);
  for (const [key, value] of given.entries()) {
    const name = textOf(key);
    if (name === undefined) throw typeError("keywords must be strings");
    if (keywords.has(name)) throw typeError(`got multiple values for keyword argument '${name}'`);
    keywords.set(name, value);
  }
}

/** Calls a value with arguments. */
export function callValue(run: Run, callee: Value, args: readonly Value[], keywords: Keywords): Value {
  run.step();
  if (callee instanceof Callable) return callee.call(run, args, keywords);
  if (callee instanceof Undefined) throw callee.fail();
  throw typeError(`'${typeName(callee)}' object is not callable`);
}

/** Code of a filter; that of a block gets the block's text. */
function compileFilter(node: FilterNode, frame: Frame): Evaluate {
  const value = node.value && compileExpression(node.value, frame);
  if (!value) throw syntaxError("a filter needs a value", node.line);
  return applied(node, value, frame);
}

/** Code of the filters of a block, which begin with the block's text. */
export function compileBlockFilter(node: FilterNode, frame: Frame, text: Evaluate): Evaluate {
  const value =
    node.value === undefined
      ? text
      : node.value.type === "filter"
        ? compileBlockFilter(node.value, frame, text)
        : compileExpression(node.value, frame);
  return applied(node, value, frame);
}

function applied(node: FilterNode, value: Evaluate, frame: Frame): Evaluate {
  const filter = FILTERS.get(node.name);
  if (!filter) return missing(node, "filter", frame);
  const args = compileArguments(node, frame);
  return (activation) => {
    activation.run.step();
    const first = value(activation);
    const [rest, keywords] = args(activation);
    return filter(activation.run, [first, ...rest], keywords);
  };
}

function compileTest(node: TestNode, frame: Frame): Evaluate {
  const test = TESTS.get(node.name);
  if (!test) return missing(node, "test", frame);
  const value = compileExpression(node.value, frame);
  const args = compileArguments(node, frame);
  return (activation) => {
    activation.run.step();
    const first = value(activation);
    const [rest, keywords] = args(activation);
    return test(activation.run, [first, ...rest], keywords);
  };
}

function missing({ name, line }: FilterNode | TestNode, kind: "filter" | "test", { isSoft }: Frame): Evaluate {
  if (!isSoft) throw syntaxError(`No ${kind} named '${name}'.`, line);
  return () => {
    throw new PythonError("RuntimeError", `No ${kind} named '${name}' found.`);
  };
}
