import { compileBlockFilter, compileExpression } from "./compile-expressions.ts";
import { compileTarget, namespaceCheck } from "./compile-targets.ts";
import { type Activation, Output } from "./context.ts";
import { type Evaluate, type Execute, entrance, exit, type Frame, inner } from "./frame.ts";
import type { Expression, FilterBlockNode, ScopeNode, SetBlockNode, SetNode, Statement, WithNode } from "./nodes.ts";
import { truth } from "./protocols.ts";
import { analyze } from "./symbols.ts";
import { Markup, type Value } from "./values.ts";

/** Code of `{% set a = b %}`. */
export function compileSet({ target, value }: SetNode, frame: Frame): Execute {
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
  const code = scope.compileBody(body, scope);
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

/** Code of `{% set a %}…{% endset %}`. */
export function compileSetBlock({ target, filter, body }: SetBlockNode, frame: Frame): Execute {
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

/** Code of `{% with %}`. */
export function compileWith({ targets, values, body }: WithNode, frame: Frame): Execute {
  const scope = inner(frame);
  analyze(scope.symbols, [...targets, ...body]);
  const pairs = targets.map(
    (target, i) => [compileTarget(target, scope), compileExpression(values[i] as Expression, frame)] as const,
  );
  const [enter, leave] = [entrance(scope.symbols), exit(scope.symbols)];
  const code = scope.compileBody(body, scope);
  return (activation, out) => {
    enter(activation);
    for (const [assign, value] of pairs) assign(activation, value(activation));
    const jump = code(activation, out);
    leave(activation);
    return jump;
  };
}

/** Code of `{% filter %}`. */
export function compileFilterBlock({ body, filter }: FilterBlockNode, frame: Frame): Execute {
  const scope = inner(frame);
  analyze(scope.symbols, [...body, filter]);
  const block = compileBuffered(body, scope);
  const filtered = compileBlockFilter(filter, scope, block.text);
  return block.within((activation, out) => out.print(activation.run, filtered(activation)));
}

/** Code of `{% autoescape %}`. */
export function compileScope({ escapes, body }: ScopeNode, frame: Frame): Execute {
  const scope = inner(frame);
  analyze(scope.symbols, [escapes, ...body]);
  const [enter, leave] = [entrance(scope.symbols), exit(scope.symbols)];
  const value = compileExpression(escapes, scope);
  const code = scope.compileBody(body, scope);
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
}
