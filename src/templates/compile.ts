import { callValue, compileArguments, compileExpression } from "./compile-expressions.ts";
import { compileFor } from "./compile-loops.ts";
import { compileMacro } from "./compile-macros.ts";
import { compileFilterBlock, compileScope, compileSet, compileSetBlock, compileWith } from "./compile-scopes.ts";
import { compileTarget } from "./compile-targets.ts";
import { Activation, type Block, Context, noParentBlock, type Output, TemplateReference } from "./context.ts";
import { PythonError, typeError } from "./errors.ts";
import { type Compiled, type Execute, entrance, type Frame, reader, writer } from "./frame.ts";
import { GLOBALS } from "./globals.ts";
import { syntaxError } from "./lexer.ts";
import {
  type BlockNode,
  type DataNode,
  type Expression,
  type IfNode,
  type LoadNode,
  type Statement,
  type TemplateNode,
  walk,
} from "./nodes.ts";
import { truth } from "./protocols.ts";
import { analyze, readNames, Symbols, Unit } from "./symbols.ts";
import type { Value } from "./values.ts";

type Compilers = {
  readonly [Type in Statement["type"]]: (node: Extract<Statement, { type: Type }>, frame: Frame) => Execute;
};

/** Makes code of a template. @param partial the code of another template, which it includes */
export function compile(template: TemplateNode, partial: Frame["partial"]): Compiled {
  const blocks = new Map<string, Block>();
  const reads = new Set<string>();
  for (const node of walk(template.body)) {
    if (node.type !== "block") continue;
    if (blocks.has(node.name)) throw syntaxError(`block '${node.name}' defined twice`, node.line);
    blocks.set(node.name, compileBlock(node, { reads, partial }));
  }
  const symbols = new Symbols(new Unit(undefined, reads));
  const self = selfReference(symbols, template.body);
  analyze(symbols, template.body);
  const body = compileBody(template.body, { symbols, isTop: true, isSoft: false, inLoop: false, compileBody, partial });
  const enter = entrance(symbols);
  const root: Block = (context, run, out) => {
    const activation = new Activation(symbols.unit, context, run);
    self?.(activation);
    enter(activation);
    body(activation, out);
  };
  return { root, blocks, reads };
}

function selfReference(symbols: Symbols, body: readonly Statement[]): ((activation: Activation) => void) | undefined {
  if (!readNames(body, ["self"]).has("self")) return undefined;
  const write = writer(symbols.unit, symbols.declareParameter("self"));
  return (activation) => write(activation, new TemplateReference(activation.context));
}

function compileBlock(node: BlockNode, { reads, partial }: { reads: Set<string>; partial: Frame["partial"] }): Block {
  const symbols = new Symbols(new Unit(undefined, reads));
  const self = selfReference(symbols, node.body);
  const parent = readNames(node.body, ["super"]).has("super")
    ? writer(symbols.unit, symbols.declareParameter("super"))
    : undefined;
  analyze(symbols, node.body);
  const body = compileBody(node.body, { symbols, isTop: false, isSoft: false, inLoop: false, compileBody, partial });
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
  filterBlock: compileFilterBlock,
  scope: compileScope,
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
  break: ({ line }, frame) => jump("break", line, frame),
  continue: ({ line }, frame) => jump("continue", line, frame),
  load: (node, frame) => (node.statement === "include" ? compileInclude(node, frame) : noLoader(node.statement)),
};

function noLoader(statement: LoadNode["statement"]): Execute {
  return () => {
    throw typeError(
      `no loader for this environment specified: ${statement} needs another template; only a prompt file includes one, a partial beside it, by its name in quotes`,
    );
  };
}

/** Code of `{% include "name" %}`: the partial sees the names around it, and what it sets ends with it. */
function compileInclude({ template, mayBeMissing, hasContext, line }: LoadNode, frame: Frame): Execute {
  const name = template.type === "constant" ? template.value : undefined;
  const partial = typeof name === "string" ? frame.partial(name, line) : undefined;
  if (!partial) return mayBeMissing && typeof name === "string" ? () => undefined : noLoader("include");
  for (const read of partial.reads) if (hasContext && !frame.symbols.find(read)) frame.symbols.unit.reads.add(read);
  const locals = localReaders(frame);
  return (activation, out) => {
    const { context, run } = activation;
    const names = hasContext ? context.derived(locals(activation)).parent : GLOBALS;
    run.call(() => partial.root(new Context(names, partial.blocks, context.marks), run, out));
    return undefined;
  };
}

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
