import { compileExpression } from "./compile-expressions.ts";
import { compileTarget } from "./compile-targets.ts";
import { Activation, Output } from "./context.ts";
import { type Execute, entrance, exit, type Frame, inner, type Jump, writer } from "./frame.ts";
import { syntaxError } from "./lexer.ts";
import { LoopContext, passing } from "./loop.ts";
import { type Expression, type ForNode, type Statement, walk } from "./nodes.ts";
import { iterate, truth } from "./protocols.ts";
import { analyze, analyzeTarget, Unit, usesLoop } from "./symbols.ts";
import { Iter, Markup, type Value } from "./values.ts";

/** The parts of a loop as code. */
interface Loop {
  readonly target: (activation: Activation, value: Value) => void;
  readonly loop: ((activation: Activation, value: Value) => void) | undefined;
  readonly body: Execute;
  readonly enter: (activation: Activation) => void;
  readonly leave: (activation: Activation) => void;
  readonly otherwise: ((activation: Activation, out: Output) => Jump) | undefined;
}

/** Code of `{% for %}`. */
export function compileFor(node: ForNode, outer: Frame): Execute {
  for (const inside of walk([node]))
    if (inside.type === "name" && inside.use === "store" && inside.name === "loop")
      throw syntaxError("Can't assign to special loop variable in for-loop target", inside.line);
  const unit = node.isRecursive ? new Unit(outer.symbols.unit) : outer.symbols.unit;
  const loop = compileLoop(node, outer, unit);
  const items = compileExpression(node.items, outer);
  const filtered = node.test ? compileLoopTest(node, outer) : undefined;
  if (!node.isRecursive)
    return (activation, out) => {
      const given = items(activation);
      return runLoop(loop, { activation, out, items: filtered ? filtered(activation, given) : given });
    };
  return (activation, out) => {
    const { run } = activation;
    const recurse = (given: Value, depth: number): Value => {
      const within = new Activation(unit, activation.context, run, activation);
      const own = new Output();
      const passed = filtered ? filtered(activation, given) : given;
      runLoop(loop, { activation: within, out: own, items: passed, recurse, depth });
      return run.autoescape ? new Markup(own.text(run)) : own.text(run);
    };
    out.print(run, recurse(items(activation), 0));
    return undefined;
  };
}

function compileLoop(node: ForNode, outer: Frame, unit: Unit): Loop {
  const frame: Frame = { ...inner(outer, unit), inLoop: true };
  const { symbols } = frame;
  const loop = usesLoop(node) ? writer(unit, symbols.declareParameter("loop")) : undefined;
  analyzeTarget(symbols, node.target);
  analyze(symbols, node.body);
  const target = compileTarget(node.target, frame);
  const body = frame.compileBody(node.body, frame);
  const otherwise = node.otherwise.length > 0 ? compileElse(node.otherwise, inner(outer, unit)) : undefined;
  return { target, loop, body, enter: entrance(symbols), leave: exit(symbols), otherwise };
}

function compileElse(body: readonly Statement[], frame: Frame): (activation: Activation, out: Output) => Jump {
  analyze(frame.symbols, body);
  const [enter, leave] = [entrance(frame.symbols), exit(frame.symbols)];
  const code = frame.compileBody(body, frame);
  return (activation, out) => {
    enter(activation);
    const jump = code(activation, out);
    leave(activation);
    return jump;
  };
}

/** Code of the items of a loop that pass its test. */
function compileLoopTest(node: ForNode, outer: Frame): (activation: Activation, items: Value) => Value {
  const unit = new Unit(outer.symbols.unit);
  const frame = inner(outer, unit);
  analyzeTarget(frame.symbols, node.target);
  analyze(frame.symbols, [node.test as Expression]);
  const target = compileTarget(node.target, frame);
  const test = compileExpression(node.test as Expression, frame);
  const enter = entrance(frame.symbols);
  return (activation, items) => {
    const { run, context } = activation;
    const within = new Activation(unit, context, run, activation);
    let isEntered = false;
    const passes = (item: Value): boolean => {
      if (!isEntered) enter(within);
      isEntered = true;
      target(within, item);
      return truth(run, test(within));
    };
    return new Iter(passing(run, items, passes));
  };
}

/** One run of a loop. */
interface LoopRun {
  readonly activation: Activation;
  readonly out: Output;
  readonly items: Value;
  readonly recurse?: (items: Value, depth: number) => Value;
  readonly depth?: number;
}

function runLoop(loop: Loop, { activation, out, items, recurse, depth = 0 }: LoopRun): Jump {
  const { run } = activation;
  const context = loop.loop && new LoopContext(run, items, recurse, depth);
  const iterator = context ? undefined : iterate(run, items);
  let isEmpty = true;
  while (true) {
    run.step();
    const item = context ? context.next() : nextOf(iterator as Iterator<Value>);
    if (item === undefined) break;
    loop.target(activation, item);
    if (context) loop.loop?.(activation, context);
    loop.enter(activation);
    const jump = loop.body(activation, out);
    if (jump === "break") break;
    // As in Jinja's compiled code, only an iteration that reaches the body's end counts for `else`.
    if (!jump) isEmpty = false;
  }
  loop.leave(activation);
  return isEmpty ? loop.otherwise?.(activation, out) : undefined;
}

function nextOf(iterator: Iterator<Value>): Value | undefined {
  const { done, value } = iterator.next();
  return done ? undefined : value;
}
