import { callValue, compileArguments, compileBlockFilter, compileExpression } from "./compile-expressions.ts";
import { Activation, type Block, noParentBlock, Output, TemplateReference } from "./context.ts";
import { PythonError, typeError, valueError } from "./errors.ts";
import { type Evaluate, entrance, exit, type Frame, reader, writer } from "./frame.ts";
import { Namespace } from "./globals.ts";
import { syntaxError } from "./lexer.ts";
import { LoopContext, passing } from "./loop.ts";
import { Macro, type MacroParameters } from "./macro.ts";
import type {
  BlockNode,
  DataNode,
  Expression,
  ForNode,
  IfNode,
  Node,
  Parameters,
  SetBlockNode,
  SetNode,
  Statement,
  TemplateNode,
  WithNode,
} from "./nodes.ts";
import { walk } from "./nodes.ts";
import { typeName } from "./print.ts";
import { iterate, iteratorOf, truth } from "./protocols.ts";
import type { Run } from "./run.ts";
import { analyze, analyzeTarget, type Reference, readNames, Symbols, Unit, usesLoop } from "./symbols.ts";
import { Iter, Markup, Undefined, type Value } from "./values.ts";

/** How a statement ended: as usual, or on its way out of a loop. */
type Jump = "break" | "continue" | undefined;

/** Code of a statement. */
type Execute = (activation: Activation, out: Output) => Jump;

type Compilers = {
  readonly [Type in Statement["type"]]: (node: Extract<Statement, { type: Type }>, frame: Frame) => Execute;
};

/** Code of a whole template. */
export interface Compiled {
  readonly root: Block;
  readonly blocks: ReadonlyMap<string, Block>;
}

export function compile(template: TemplateNode): Compiled {
  const blocks = new Map<string, Block>();
  for (const node of walk(template.body)) {
    if (node.type !== "block") continue;
    if (blocks.has(node.name)) throw syntaxError(`block '${node.name}' defined twice`, node.line);
    blocks.set(node.name, compileBlock(node));
  }
  const symbols = new Symbols(new Unit());
  const self = selfReference(symbols, template.body);
  analyze(symbols, template.body);
  const body = compileBody(template.body, { symbols, isTop: true, isSoft: false, inLoop: false });
  const enter = entrance(symbols);
  const root: Block = (context, run, out) => {
    const activation = new Activation(symbols.unit, context, run);
    self?.(activation);
    enter(activation);
    body(activation, out);
  };
  return { root, blocks };
}

function selfReference(symbols: Symbols, body: readonly Statement[]): ((activation: Activation) => void) | undefined {
  if (!readNames(body, ["self"]).has("self")) return undefined;
  const write = writer(symbols.unit, symbols.declareParameter("self"));
  return (activation) => write(activation, new TemplateReference(activation.context));
}

function compileBlock(node: BlockNode): Block {
  const symbols = new Symbols(new Unit());
  const self = selfReference(symbols, node.body);
  const parent = readNames(node.body, ["super"]).has("super")
    ? writer(symbols.unit, symbols.declareParameter("super"))
    : undefined;
  analyze(symbols, node.body);
  const body = compileBody(node.body, { symbols, isTop: false, isSoft: false, inLoop: false });
  const enter = entrance(symbols);
  return (context, run, out) => {
    const activation = new Activation(symbols.unit, context, run);
    self?.(activation);
    parent?.(activation, noParentBlock(node.name));
    enter(activation);
    body(activation, out);
  };
}

/** Code of statements one after the other. */
function compileBody(statements: readonly Statement[], frame: Frame): Execute {
  const codes = statements.map((node) => {
    const code = COMPILERS[node.type](node as never, frame);
    return { code, line: node.line };
  });
  return (activation, out) => {
    const { run } = activation;
    for (const { code, line } of codes) {
      run.line = line;
      run.step();
      const jump = code(activation, out);
      if (jump) return jump;
    }
    return undefined;
  };
}

const inner = (frame: Frame, unit: Unit = frame.symbols.unit): Frame => ({
  symbols: new Symbols(unit, frame.symbols),
  isTop: false,
  isSoft: false,
  inLoop: unit === frame.symbols.unit && frame.inLoop,
});

const COMPILERS: Compilers = {
  output: ({ items }, frame) => {
    const codes = items.map((item) => compileOutput(item, frame));
    return (activation, out) => {
      for (const code of codes) code(activation, out);
      return undefined;
    };
  },
  if: compileIf,
  for: compileFor,
  set: compileSet,
  setBlock: compileSetBlock,
  with: compileWith,
  macro: (node, frame) => {
    const make = compileMacro(node, frame);
    const assign = compileTarget({ type: "name", name: node.name, use: "store", line: node.line }, frame);
    return (activation) => {
      assign(activation, make(activation));
      return undefined;
    };
  },
  callBlock: ({ call, ...node }, frame) => {
    const make = compileMacro({ ...node, name: undefined }, frame);
    const callee = compileExpression(call.callee, frame);
    const given = compileArguments(call, frame);
    return (activation, out) => {
      const { run } = activation;
      const [args, keywords] = given(activation);
      if (keywords.has("caller")) throw typeError("got multiple values for keyword argument 'caller'");
      const value = callee(activation);
      out.print(run, callValue(run, value, args, new Map([...keywords, ["caller", make(activation)]])));
      return undefined;
    };
  },
  generation: ({ body, line }, frame) => {
    const make = compileMacro({ parameters: [], defaults: [], body, line, name: undefined }, frame);
    return (activation, out) => {
      const { run, context } = activation;
      const [before = "", after = ""] = context.marks ?? [];
      out.write(run, before);
      out.print(run, make(activation).call(run, [], new Map()));
      out.write(run, after);
      return undefined;
    };
  },
  filterBlock: ({ body, filter }, frame) => {
    const scope = inner(frame);
    analyze(scope.symbols, [...body, filter]);
    const block = compileBuffered(body, scope);
    const filtered = compileBlockFilter(filter, scope, block.text);
    return block.within((activation, out) => out.print(activation.run, filtered(activation)));
  },
  block: (node, frame) => {
    const locals = node.isScoped ? localReaders(frame) : undefined;
    return (activation, out) => {
      const { context, run } = activation;
      if (node.isRequired) throw new PythonError("RuntimeError", `Required block '${node.name}' not found`);
      const block = context.blocks.get(node.name) as Block;
      run.call(() => block(locals ? context.derived(locals(activation)) : context, run, out));
      return undefined;
    };
  },
  scope: ({ escapes, body }, frame) => {
    const scope = inner(frame);
    analyze(scope.symbols, [escapes, ...body]);
    const [enter, leave] = [entrance(scope.symbols), exit(scope.symbols)];
    const value = compileExpression(escapes, scope);
    const code = compileBody(body, scope);
    return (activation, out) => {
      const { run } = activation;
      const before = run.autoescape;
      enter(activation);
      run.autoescape = truth(run, value(activation));
      const jump = code(activation, out);
      run.autoescape = before;
      leave(activation);
      return jump;
    };
  },
  break: ({ line }, frame) => jump("break", line, frame),
  continue: ({ line }, frame) => jump("continue", line, frame),
  load: ({ statement }) => {
    return () => {
      throw typeError(`no loader for this environment specified: ${statement} needs another template`);
    };
  },
};

function jump(kind: "break" | "continue", line: number, { inLoop }: Frame): Execute {
  if (!inLoop) throw syntaxError(`'${kind}' outside loop`, line);
  return () => kind;
}

function compileOutput(item: Expression | DataNode, frame: Frame): (activation: Activation, out: Output) => void {
  if (item.type === "data") return ({ run }, out) => out.write(run, item.text);
  const value = compileExpression(item, frame);
  const { line } = item;
  return (activation, out) => {
    activation.run.line = line;
    out.print(activation.run, value(activation));
  };
}

function compileIf(node: IfNode, outer: Frame): Execute {
  const frame = { ...outer, isSoft: true };
  const branches = [node, ...node.others].map(({ test, body, line }) => ({
    test: compileExpression(test, frame),
    body: compileBody(body, frame),
    line,
  }));
  const otherwise = compileBody(node.otherwise, frame);
  return (activation, out) => {
    const { run } = activation;
    for (const { test, body, line } of branches) {
      run.line = line;
      if (truth(run, test(activation))) return body(activation, out);
    }
    return otherwise(activation, out);
  };
}

/** Code that gives a target its value. */
function compileTarget(node: Expression, frame: Frame): (activation: Activation, value: Value) => void {
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
function namespaceCheck(target: Expression, { symbols }: Frame): (activation: Activation) => void {
  const names = [...walk([target])].filter((node) => node.type === "namespace");
  const readers = names.map(({ name }) => reader(symbols.unit, symbols.find(name) as Reference));
  return (activation) => {
    for (const read of readers)
      if (!(read(activation) instanceof Namespace))
        throw new PythonError("RuntimeError", "cannot assign attribute on non-namespace object");
  };
}

function compileSet({ target, value }: SetNode, frame: Frame): Execute {
  const verify = namespaceCheck(target, frame);
  const evaluate = compileExpression(value, frame);
  const assign = compileTarget(target, frame);
  return (activation) => {
    verify(activation);
    assign(activation, evaluate(activation));
    return undefined;
  };
}

/** Statements whose text is kept, and used by an expression. */
interface Buffered {
  /** Code of the text. */
  readonly text: Evaluate;
  /** Code that runs the statements, then uses their text. */
  within(use: (activation: Activation, out: Output) => void): Execute;
}

function compileBuffered(body: readonly Statement[], scope: Frame): Buffered {
  const code = compileBody(body, scope);
  const texts = new WeakMap<Activation, Value>();
  return {
    text: (activation) => texts.get(activation) as Value,
    within: (use) => {
      const [enter, leave] = [entrance(scope.symbols), exit(scope.symbols)];
      return (activation, out) => {
        const { run } = activation;
        const own = new Output();
        enter(activation);
        const jump = code(activation, own);
        if (jump) return jump;
        const text = own.text(run);
        texts.set(activation, run.autoescape ? new Markup(text) : text);
        use(activation, out);
        leave(activation);
        return undefined;
      };
    },
  };
}

function compileSetBlock({ target, filter, body }: SetBlockNode, frame: Frame): Execute {
  const scope = inner(frame);
  analyze(scope.symbols, body);
  const block = compileBuffered(body, scope);
  if (filter) analyze(scope.symbols, [filter]);
  const value = filter ? compileBlockFilter(filter, scope, block.text) : block.text;
  const verify = namespaceCheck(target, frame);
  const assign = compileTarget(target, frame);
  return block.within((activation) => {
    verify(activation);
    assign(activation, value(activation));
  });
}

function compileWith({ targets, values, body }: WithNode, frame: Frame): Execute {
  const scope = inner(frame);
  analyze(scope.symbols, [...targets, ...body]);
  const pairs = targets.map(
    (target, i) => [compileTarget(target, scope), compileExpression(values[i] as Expression, frame)] as const,
  );
  const [enter, leave] = [entrance(scope.symbols), exit(scope.symbols)];
  const code = compileBody(body, scope);
  return (activation, out) => {
    enter(activation);
    for (const [assign, value] of pairs) assign(activation, value(activation));
    const jump = code(activation, out);
    leave(activation);
    return jump;
  };
}

/** Code that reads all names that are set around a place. */
function localReaders({ symbols }: Frame): (activation: Activation) => Map<string, Value> {
  const readers = [...symbols.stored()].map(([name, reference]) => [name, reader(symbols.unit, reference)] as const);
  return (activation) => {
    const locals = new Map<string, Value>();
    for (const [name, read] of readers) {
      const value = read(activation);
      if (value !== undefined) locals.set(name, value);
    }
    return locals;
  };
}

/** A macro's signature and body. */
interface MacroSource extends Parameters {
  readonly name: string | undefined;
  readonly body: readonly Statement[];
  readonly line: number;
}

/** Code that makes a macro, which keeps the variables around it. */
function compileMacro(node: MacroSource, outer: Frame): (activation: Activation) => Macro {
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
  const code = compileBody(node.body, frame);
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

/** The parts of a loop as code. */
interface Loop {
  readonly target: (activation: Activation, value: Value) => void;
  readonly loop: ((activation: Activation, value: Value) => void) | undefined;
  readonly body: Execute;
  readonly enter: (activation: Activation) => void;
  readonly leave: (activation: Activation) => void;
  readonly otherwise: ((activation: Activation, out: Output) => Jump) | undefined;
}

function compileFor(node: ForNode, outer: Frame): Execute {
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
  const body = compileBody(node.body, frame);
  const otherwise = node.otherwise.length > 0 ? compileElse(node.otherwise, inner(outer, unit)) : undefined;
  return { target, loop, body, enter: entrance(symbols), leave: exit(symbols), otherwise };
}

function compileElse(body: readonly Node[], frame: Frame): (activation: Activation, out: Output) => Jump {
  analyze(frame.symbols, body);
  const [enter, leave] = [entrance(frame.symbols), exit(frame.symbols)];
  const code = compileBody(body as readonly Statement[], frame);
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
