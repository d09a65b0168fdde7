import { ownEntry } from "../common/index.ts";
import type { Token } from "./lexer.ts";
import type {
  Arguments,
  DictNode,
  Expression,
  FilterNode,
  KeywordNode,
  NameNode,
  PairNode,
  TestNode,
} from "./nodes.ts";
import type { BinaryOperator, Comparison } from "./operators.ts";
import { describeToken, TokenStream } from "./token-stream.ts";

/** Links of one chain, such as `a + a + …`; each is within the next. */
const MAX_CHAIN = 1000;

/** The rules by which a list of expressions without brackets is read. */
interface TupleOptions {
  /** True if the items are names, as in targets. */
  readonly isTarget?: boolean;
  readonly hasNamespaces?: boolean;
  /** True if an item may be `a if b else c`. */
  readonly hasConditions?: boolean;
  /** The name that ends the list. */
  readonly end?: string | undefined;
  readonly inParentheses?: boolean;
}

const COMPARISON: Readonly<Record<string, Comparison>> = {
  "==": "eq",
  "!=": "ne",
  "<": "lt",
  "<=": "lteq",
  ">": "gt",
  ">=": "gteq",
};

/** Reads expressions, by the grammar of Jinja's own parser. */
export class ExpressionParser extends TokenStream {
  /** Links of a chain, each around the one before. */
  #chain<T extends Expression>(first: T | Expression, link: (node: Expression) => Expression | undefined): Expression {
    let node: Expression = first;
    for (let length = 0; ; length++) {
      const longer = link(node);
      if (!longer) return node;
      if (length > MAX_CHAIN) throw this.fail("the expression is too long");
      node = longer;
    }
  }

  expression(hasCondition = true): Expression {
    return this.nested(() => (hasCondition ? this.#condition() : this.#or()));
  }

  #condition(): Expression {
    const { line } = this.current;
    return this.#chain(this.#or(), (then) => {
      if (!this.skip("name", "if")) return undefined;
      const test = this.#or();
      const otherwise = this.skip("name", "else") ? this.nested(() => this.#condition()) : undefined;
      return { type: "condition", test, then, otherwise, line };
    });
  }

  #or(): Expression {
    const { line } = this.current;
    return this.#chain(this.#and(), (left) =>
      this.skip("name", "or") ? { type: "logic", operator: "or", left, right: this.#and(), line } : undefined,
    );
  }

  #and(): Expression {
    const { line } = this.current;
    return this.#chain(this.#not(), (left) =>
      this.skip("name", "and") ? { type: "logic", operator: "and", left, right: this.#not(), line } : undefined,
    );
  }

  #not(): Expression {
    const { line } = this.current;
    if (!this.skip("name", "not")) return this.#compare();
    return { type: "unary", operator: "not", operand: this.nested(() => this.#not()), line };
  }

  #compare(): Expression {
    const { line } = this.current;
    const first = this.#sum();
    const [operators, operands]: [Comparison[], Expression[]] = [[], []];
    for (let operator = this.#comparison(); operator; operator = this.#comparison()) {
      operators.push(operator);
      operands.push(this.#sum());
    }
    return operators.length === 0 ? first : { type: "compare", first, operators, operands, line };
  }

  #comparison(): Comparison | undefined {
    const { type, text } = this.current;
    if (type === "operator" && Object.hasOwn(COMPARISON, text)) {
      this.next();
      return ownEntry(COMPARISON, text);
    }
    if (this.skip("name", "in")) return "in";
    if (!this.isName("not") || this.following.type !== "name" || this.following.text !== "in") return undefined;
    this.next();
    this.next();
    return "notin";
  }

  /** A chain of operators of one rank. */
  #operators(operators: readonly BinaryOperator[], read: () => Expression): Expression {
    const { line } = this.current;
    return this.#chain(read(), (left) => {
      const operator = operators.find((text) => this.isOperator(text));
      if (operator === undefined) return undefined;
      this.next();
      return { type: "binary", operator, left, right: read(), line };
    });
  }

  readonly #sum = (): Expression => this.#operators(["+", "-"], this.#concat);

  readonly #concat = (): Expression => {
    const { line } = this.current;
    const items = [this.#product()];
    while (this.skip("operator", "~")) items.push(this.#product());
    return items.length === 1 ? (items[0] as Expression) : { type: "concat", items, line };
  };

  readonly #product = (): Expression => this.#operators(["*", "/", "//", "%"], this.#power);

  readonly #power = (): Expression => this.#operators(["**"], this.#unary);

  readonly #unary = (): Expression => this.#filtered(this.#signed());

  /** A sign binds closer than filters and tests, and than what follows its operand. */
  #signed(): Expression {
    const { line } = this.current;
    const operator = this.isOperator("-") ? "-" : this.isOperator("+") ? "+" : undefined;
    if (!operator) return this.postfix(this.primary());
    this.next();
    return this.postfix({ type: "unary", operator, operand: this.nested(() => this.#signed()), line });
  }

  primary(hasNamespaces = false): Expression {
    const token = this.current;
    const { type, text, line } = token;
    if (type === "name") {
      this.next();
      return this.#name(token, hasNamespaces);
    }
    if (type === "string") return { type: "constant", value: this.#strings(), line };
    if (type === "integer" || type === "float") {
      this.next();
      return { type: "constant", value: token.number ?? 0, line };
    }
    if (this.skip("operator", "(")) {
      const inner = this.nested(() => this.tuple({ inParentheses: true }));
      this.expect("operator", ")");
      return inner;
    }
    if (type === "operator" && text === "[") return this.nested(() => this.#list());
    if (type === "operator" && text === "{") return this.nested(() => this.#dict());
    throw this.fail(`unexpected '${describeToken(token)}'`);
  }

  #name({ text, line }: Token, hasNamespaces: boolean): Expression {
    if (/^(true|false|True|False)$/.test(text)) return { type: "constant", value: /^t/i.test(text), line };
    if (text === "none" || text === "None") return { type: "constant", value: null, line };
    if (!hasNamespaces || !this.skip("operator", ".")) return { type: "name", name: text, use: "load", line };
    return { type: "namespace", name: text, attribute: this.expect("name").text, line };
  }

  #strings(): string {
    const parts: string[] = [];
    while (this.is("string")) parts.push(this.next().text);
    return parts.join("");
  }

  /** Expressions with commas between them: a tuple where there is one, else the expression alone. */
  tuple({ isTarget, hasNamespaces, hasConditions = true, end, inParentheses }: TupleOptions = {}): Expression {
    const { line } = this.current;
    const items: Expression[] = [];
    let isTuple = false;
    while (true) {
      if (items.length > 0) this.expect("operator", ",");
      if (this.#isTupleEnd(end)) break;
      items.push(isTarget ? this.primary(hasNamespaces) : this.expression(hasConditions));
      if (!this.isOperator(",")) break;
      isTuple = true;
    }
    if (isTuple) return { type: "tuple", items, line };
    if (items[0]) return items[0];
    if (!inParentheses) throw this.fail(`Expected an expression, got '${describeToken(this.current)}'`);
    return { type: "tuple", items, line };
  }

  #isTupleEnd(end: string | undefined): boolean {
    if (this.is("variable_end") || this.is("block_end") || this.isOperator(")")) return true;
    return end !== undefined && this.isName(end);
  }

  #list(): Expression {
    const { line } = this.expect("operator", "[");
    const items: Expression[] = [];
    while (!this.isOperator("]")) {
      if (items.length > 0) this.expect("operator", ",");
      if (this.isOperator("]")) break;
      items.push(this.expression());
    }
    this.expect("operator", "]");
    return { type: "list", items, line };
  }

  #dict(): DictNode {
    const { line } = this.expect("operator", "{");
    const items: PairNode[] = [];
    while (!this.isOperator("}")) {
      if (items.length > 0) this.expect("operator", ",");
      if (this.isOperator("}")) break;
      const key = this.expression();
      this.expect("operator", ":");
      items.push({ type: "pair", key, value: this.expression(), line: key.line });
    }
    this.expect("operator", "}");
    return { type: "dict", items, line };
  }

  postfix(node: Expression): Expression {
    return this.#chain(node, (object) => {
      if (this.isOperator(".")) return this.#attribute(object);
      if (this.isOperator("[")) return this.#item(object);
      return this.isOperator("(") ? this.#call(object) : undefined;
    });
  }

  #filtered(node: Expression): Expression {
    return this.#chain(node, (value) => {
      if (this.skip("operator", "|")) return this.filter(value);
      if (this.isName("is")) return this.#test(value);
      return this.isOperator("(") ? this.#call(value) : undefined;
    });
  }

  #attribute(object: Expression): Expression {
    const { line } = this.next();
    const token = this.next();
    if (token.type === "name") return { type: "attribute", object, name: token.text, line };
    if (token.type !== "integer") throw this.fail("expected name or number", token.line);
    return { type: "item", object, key: { type: "constant", value: token.number ?? 0, line: token.line }, line };
  }

  #item(object: Expression): Expression {
    const { line } = this.next();
    const keys: Expression[] = [];
    while (!this.isOperator("]")) {
      if (keys.length > 0) this.expect("operator", ",");
      keys.push(this.#key());
    }
    this.expect("operator", "]");
    if (keys.length > 1 && keys.some((key) => key.type === "slice")) throw this.fail("invalid syntax", line);
    return {
      type: "item",
      object,
      key: keys.length === 1 ? (keys[0] as Expression) : { type: "tuple", items: keys, line },
      line,
    };
  }

  #key(): Expression {
    const { line } = this.current;
    const start = this.isOperator(":") ? undefined : this.expression();
    if (!this.skip("operator", ":")) return start as Expression;
    const bound = (): Expression | undefined =>
      this.isOperator(":") || this.isOperator("]") || this.isOperator(",") ? undefined : this.expression();
    const stop = bound();
    const step = this.skip("operator", ":") ? bound() : undefined;
    return { type: "slice", start, stop, step, line };
  }

  #call(callee: Expression): Expression {
    const { line } = this.current;
    return { type: "call", callee, ...this.#arguments(), line };
  }

  #arguments(): Arguments {
    const { line } = this.expect("operator", "(");
    const [args, keywords]: [Expression[], KeywordNode[]] = [[], []];
    let [restArgs, restKeywords]: (Expression | undefined)[] = [];
    const ensure = (isRight: boolean): void => {
      if (!isRight) throw this.fail("invalid syntax for function call expression", line);
    };
    let needsComma = false;
    while (!this.isOperator(")")) {
      if (needsComma) this.expect("operator", ",");
      if (needsComma && this.isOperator(")")) break;
      if (this.skip("operator", "*")) {
        ensure(!restArgs && !restKeywords);
        restArgs = this.expression();
      } else if (this.skip("operator", "**")) {
        ensure(!restKeywords);
        restKeywords = this.expression();
      } else if (this.is("name") && this.following.type === "operator" && this.following.text === "=") {
        ensure(!restKeywords);
        keywords.push(this.#keyword(keywords));
      } else {
        ensure(!restArgs && !restKeywords && keywords.length === 0);
        args.push(this.expression());
      }
      needsComma = true;
    }
    this.expect("operator", ")");
    return { args, keywords, restArgs, restKeywords };
  }

  #keyword(earlier: readonly KeywordNode[]): KeywordNode {
    const { text: name } = this.next();
    this.next();
    if (earlier.some((keyword) => keyword.name === name)) throw this.fail(`keyword argument repeated: ${name}`);
    const value = this.expression();
    return { type: "keyword", name, value, line: value.line };
  }

  /** A filter behind its `|`; without a value where it stands for a block's text. */
  filter(value: Expression | undefined): FilterNode {
    const { line } = this.current;
    const name = this.#dottedName();
    const none = { args: [], keywords: [], restArgs: undefined, restKeywords: undefined };
    return { type: "filter", value, name, ...(this.isOperator("(") ? this.#arguments() : none), line };
  }

  /** Filters one behind the other, of a block's text. */
  filters(): FilterNode {
    let node = this.filter(undefined);
    for (let length = 0; this.skip("operator", "|"); length++) {
      if (length > MAX_CHAIN) throw this.fail("the expression is too long");
      node = this.filter(node);
    }
    return node;
  }

  #dottedName(): string {
    let name = this.expect("name").text;
    while (this.skip("operator", ".")) name += `.${this.expect("name").text}`;
    return name;
  }

  #test(value: Expression): Expression {
    const { line } = this.next();
    const isNegated = this.skip("name", "not");
    const name = this.#dottedName();
    const test: TestNode = { type: "test", value, name, ...this.#testArguments(), line };
    return isNegated ? { type: "unary", operator: "not", operand: test, line } : test;
  }

  #testArguments(): Arguments {
    const none = { args: [], keywords: [], restArgs: undefined, restKeywords: undefined };
    if (this.isOperator("(")) return this.#arguments();
    const begins =
      ["name", "string", "integer", "float"].includes(this.current.type) ||
      this.isOperator("[") ||
      this.isOperator("{");
    if (!begins || this.isName("else") || this.isName("or") || this.isName("and")) return none;
    if (this.isName("is")) throw this.fail("You cannot chain multiple tests with is");
    return { ...none, args: [this.postfix(this.primary())] };
  }

  /** A name that is set. */
  targetName(use: NameNode["use"] = "store"): NameNode {
    const { text, line } = this.expect("name");
    if (/^(true|false|True|False|none|None)$/.test(text)) throw this.fail("can't assign to 'name'", line);
    return { type: "name", name: text, use, line };
  }

  /** The target of an assignment by `set`, `for` or `with`. */
  target(options: { end?: string; hasNamespaces?: boolean; use?: NameNode["use"] } = {}): Expression {
    const read = this.tuple({ isTarget: true, end: options.end, hasNamespaces: options.hasNamespaces ?? false });
    return this.#assigned(read, options.use ?? "store");
  }

  #assigned(node: Expression, use: NameNode["use"]): Expression {
    if (node.type === "name") return { ...node, use };
    if (node.type === "namespace") return node;
    if (node.type === "tuple") return { ...node, items: node.items.map((item) => this.#assigned(item, use)) };
    throw this.fail(`can't assign to '${node.type === "constant" ? "const" : node.type}'`, node.line);
  }
}
