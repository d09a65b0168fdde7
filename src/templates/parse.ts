import { ownEntry } from "../common/index.ts";
import { syntaxError, type Whitespace } from "./lexer.ts";
import type {
  BlockNode,
  CallBlockNode,
  DataNode,
  Expression,
  ForNode,
  IfNode,
  LoadNode,
  MacroNode,
  NameNode,
  Parameters,
  ScopeNode,
  SetBlockNode,
  SetNode,
  Statement,
  TemplateNode,
  WithNode,
} from "./nodes.ts";
import { ExpressionParser } from "./parse-expressions.ts";

/** Reads a template. */
export function parse(template: string, whitespace?: Whitespace): TemplateNode {
  return new Parser(template, whitespace).template();
}

class Parser extends ExpressionParser {
  /** The tags that are open, with what ends each. */
  readonly #open: { tag: string; ends: readonly string[] }[] = [];

  template(): TemplateNode {
    const body = this.#body([]);
    return { type: "template", body, line: 1 };
  }

  /** Statements up to a tag that ends them; the tag's name is the next token then. */
  #body(ends: readonly string[]): Statement[] {
    const body: Statement[] = [];
    let items: (Expression | DataNode)[] = [];
    const flush = (): void => {
      if (items[0]) body.push({ type: "output", items, line: items[0].line });
      items = [];
    };
    while (!this.is("eof")) {
      const { type, text, line } = this.next();
      if (type === "data") items.push({ type: "data", text, line });
      else if (type === "variable_begin") {
        items.push(this.tuple());
        this.expect("variable_end");
      } else {
        flush();
        if (this.is("name") && ends.includes(this.current.text)) return body;
        body.push(this.nested(() => this.#statement()));
        this.expect("block_end");
      }
    }
    flush();
    if (ends.length > 0) throw this.#unexpected(undefined);
    return body;
  }

  /** The statements of a tag up to the tag that ends it, and the end's name. */
  #statements(...ends: string[]): { body: Statement[]; end: string } {
    this.skip("operator", ":");
    this.expect("block_end");
    const open = this.#open.at(-1);
    if (open) open.ends = ends;
    const body = this.#body(ends);
    return { body, end: this.next().text };
  }

  #unexpected(name: string | undefined, line?: number): Error {
    const ends = this.#open.at(-1)?.ends ?? [];
    const wanted = ends.map((end) => `'${end}'`).join(" or ");
    const parts = [name === undefined ? "Unexpected end of template." : `Encountered unknown tag '${name}'.`];
    const isExpected = name !== undefined && this.#open.some((open) => open.ends.includes(name));
    if (wanted && isExpected)
      parts.push(
        `You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for ${wanted}.`,
      );
    else if (wanted) parts.push(`Jinja was looking for the following tags: ${wanted}.`);
    const tag = this.#open.at(-1)?.tag;
    if (tag !== undefined) parts.push(`The innermost block that needs to be closed is '${tag}'.`);
    return this.fail(parts.join(" "), line);
  }

  #statement(): Statement {
    const { type, text, line } = this.current;
    if (type !== "name") throw this.fail("tag name expected");
    const read = ownEntry(this.#readers, text);
    if (!read) throw this.#unexpected(text, line);
    this.next();
    this.#open.push({ tag: text, ends: [] });
    const statement = read(line);
    this.#open.pop();
    return statement;
  }

  readonly #readers: Readonly<Record<string, (line: number) => Statement>> = {
    for: (line) => this.#for(line),
    if: (line) => this.#if(line),
    set: (line) => this.#set(line),
    with: (line) => this.#with(line),
    macro: (line) => this.#macro(line),
    call: (line) => this.#call(line),
    block: (line) => this.#block(line),
    filter: (line) => {
      const filter = this.filters();
      return { type: "filterBlock", body: this.#statements("endfilter").body, filter, line };
    },
    autoescape: (line) => this.#scope(line),
    generation: (line) => ({ type: "generation", body: this.#statements("endgeneration").body, line }),
    print: (line) => this.#print(line),
    break: (line) => ({ type: "break", line }),
    continue: (line) => ({ type: "continue", line }),
    extends: (line) => this.#load("extends", line),
    include: (line) => this.#load("include", line),
    import: (line) => this.#load("import", line),
    from: (line) => this.#load("from", line),
  };

  #for(line: number): ForNode {
    const target = this.target({ end: "in" });
    this.expect("name", "in");
    const items = this.tuple({ hasConditions: false, end: "recursive" });
    const test = this.skip("name", "if") ? this.expression() : undefined;
    const isRecursive = this.skip("name", "recursive");
    const { body, end } = this.#statements("endfor", "else");
    const otherwise = end === "else" ? this.#statements("endfor").body : [];
    return { type: "for", target, items, body, otherwise, test, isRecursive, line };
  }

  #if(line: number): IfNode {
    const branches: { test: Expression; body: Statement[]; line: number }[] = [];
    let end = "elif";
    while (end === "elif") {
      const at = branches.length === 0 ? line : this.current.line;
      const test = this.tuple({ hasConditions: false });
      const read = this.#statements("elif", "else", "endif");
      branches.push({ test, body: read.body, line: at });
      end = read.end;
    }
    const otherwise = end === "else" ? this.#statements("endif").body : [];
    const [first, ...others] = branches.map((branch) => ({
      type: "if" as const,
      ...branch,
      others: [],
      otherwise: [],
    }));
    return { ...(first as IfNode), others, otherwise };
  }

  #set(line: number): SetNode | SetBlockNode {
    const target = this.target({ hasNamespaces: true });
    if (this.skip("operator", "=")) return { type: "set", target, value: this.tuple(), line };
    const filter = this.skip("operator", "|") ? this.filters() : undefined;
    return { type: "setBlock", target, filter, body: this.#statements("endset").body, line };
  }

  #with(line: number): WithNode {
    const [targets, values]: [Expression[], Expression[]] = [[], []];
    while (!this.is("block_end")) {
      if (targets.length > 0) this.expect("operator", ",");
      targets.push(this.target({ use: "parameter" }));
      this.expect("operator", "=");
      values.push(this.expression());
    }
    return { type: "with", targets, values, body: this.#statements("endwith").body, line };
  }

  #signature(): Parameters {
    const [parameters, defaults]: [NameNode[], Expression[]] = [[], []];
    this.expect("operator", "(");
    while (!this.isOperator(")")) {
      if (parameters.length > 0) this.expect("operator", ",");
      const parameter = this.targetName("parameter");
      if (parameters.some(({ name }) => name === parameter.name))
        throw this.fail(`duplicate argument '${parameter.name}' in function definition`);
      if (this.skip("operator", "=")) defaults.push(this.expression());
      else if (defaults.length > 0) throw this.fail("non-default argument follows default argument");
      parameters.push(parameter);
    }
    this.expect("operator", ")");
    return { parameters, defaults };
  }

  #macro(line: number): MacroNode {
    const { name } = this.targetName();
    const signature = this.#signature();
    return { type: "macro", name, ...signature, body: this.#statements("endmacro").body, line };
  }

  #call(line: number): CallBlockNode {
    const signature = this.isOperator("(") ? this.#signature() : { parameters: [], defaults: [] };
    const call = this.expression();
    if (call.type !== "call") throw this.fail("expected call", line);
    return { type: "callBlock", call, ...signature, body: this.#statements("endcall").body, line };
  }

  #block(line: number): BlockNode {
    const name = this.expect("name").text;
    const isScoped = this.skip("name", "scoped");
    const isRequired = this.skip("name", "required");
    if (this.isOperator("-"))
      throw this.fail(
        "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.",
      );
    const { body } = this.#statements("endblock");
    if (isRequired && !body.every(isBlank)) throw this.fail("Required blocks can only contain comments or whitespace");
    this.skip("name", name);
    return { type: "block", name, body, isScoped, isRequired, line };
  }

  #scope(line: number): ScopeNode {
    const escapes = this.expression();
    return { type: "scope", escapes, body: this.#statements("endautoescape").body, line };
  }

  #print(line: number): Statement {
    const items: Expression[] = [];
    while (!this.is("block_end")) {
      if (items.length > 0) this.expect("operator", ",");
      items.push(this.expression());
    }
    return { type: "output", items, line };
  }

  #load(statement: LoadNode["statement"], line: number): LoadNode {
    const template = this.expression();
    const names: NameNode[] = [];
    const mayBeMissing = statement === "include" && this.isName("ignore") && this.following.text === "missing";
    if (mayBeMissing) {
      this.next();
      this.next();
    }
    if (statement === "import") {
      this.expect("name", "as");
      names.push(this.targetName());
    }
    if (statement === "from") this.#importedNames(names);
    const hasContext = !this.isName("without");
    if (statement !== "extends") this.#skipContext();
    return { type: "load", statement, template, names, mayBeMissing, hasContext, line };
  }

  #importedNames(names: NameNode[]): void {
    this.expect("name", "import");
    do {
      if (names.length > 0 && this.#skipContext()) return;
      const { name, line } = this.targetName();
      if (name.startsWith("_")) throw syntaxError("names starting with an underline can not be imported", line);
      names.push(this.skip("name", "as") ? this.targetName() : { type: "name", name, use: "store", line });
      if (this.#skipContext()) return;
    } while (this.skip("operator", ","));
  }

  #skipContext(): boolean {
    const isContext = (this.isName("with") || this.isName("without")) && this.following.text === "context";
    if (!isContext) return false;
    this.next();
    this.next();
    return true;
  }
}

const isBlank = (statement: Statement): boolean =>
  statement.type === "output" && statement.items.every((item) => item.type === "data" && item.text.trim() === "");
