import type { BinaryOperator, Comparison } from "./operators.ts";
import type { Value } from "./values.ts";

/**
 * The parts of a template. The fields of each stand in the order in which Jinja visits them, which decides what a name
 * means that is read and set in one scope.
 */
export type Expression =
  | ConstantNode
  | NameNode
  | NamespaceNode
  | TupleNode
  | ListNode
  | DictNode
  | BinaryNode
  | LogicNode
  | UnaryNode
  | CompareNode
  | ConcatNode
  | ConditionNode
  | FilterNode
  | TestNode
  | CallNode
  | AttributeNode
  | ItemNode
  | SliceNode;

export type Statement =
  | OutputNode
  | ForNode
  | IfNode
  | MacroNode
  | CallBlockNode
  | FilterBlockNode
  | WithNode
  | BlockNode
  | SetNode
  | SetBlockNode
  | ScopeNode
  | GenerationNode
  | JumpNode
  | LoadNode;

export type Node = Expression | Statement | DataNode | PairNode | KeywordNode | TemplateNode;

interface At {
  readonly line: number;
}

export interface TemplateNode extends At {
  readonly type: "template";
  readonly body: readonly Statement[];
}

/** Text of the template itself. */
export interface DataNode extends At {
  readonly type: "data";
  readonly text: string;
}

export interface ConstantNode extends At {
  readonly type: "constant";
  readonly value: Value;
}

export interface NameNode extends At {
  readonly type: "name";
  readonly name: string;
  readonly use: "load" | "store" | "parameter";
}

/** `namespace.attribute` as the target of `set`. */
export interface NamespaceNode extends At {
  readonly type: "namespace";
  readonly name: string;
  readonly attribute: string;
}

export interface TupleNode extends At {
  readonly type: "tuple";
  readonly items: readonly Expression[];
}

export interface ListNode extends At {
  readonly type: "list";
  readonly items: readonly Expression[];
}

export interface DictNode extends At {
  readonly type: "dict";
  readonly items: readonly PairNode[];
}

export interface PairNode extends At {
  readonly type: "pair";
  readonly key: Expression;
  readonly value: Expression;
}

export interface BinaryNode extends At {
  readonly type: "binary";
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
}

export interface LogicNode extends At {
  readonly type: "logic";
  readonly operator: "and" | "or";
  readonly left: Expression;
  readonly right: Expression;
}

export interface UnaryNode extends At {
  readonly type: "unary";
  readonly operator: "not" | "-" | "+";
  readonly operand: Expression;
}

export interface CompareNode extends At {
  readonly type: "compare";
  readonly first: Expression;
  readonly operators: readonly Comparison[];
  readonly operands: readonly Expression[];
}

export interface ConcatNode extends At {
  readonly type: "concat";
  readonly items: readonly Expression[];
}

export interface ConditionNode extends At {
  readonly type: "condition";
  readonly test: Expression;
  readonly then: Expression;
  readonly otherwise: Expression | undefined;
}

export interface Arguments {
  readonly args: readonly Expression[];
  readonly keywords: readonly KeywordNode[];
  readonly restArgs: Expression | undefined;
  readonly restKeywords: Expression | undefined;
}

export interface KeywordNode extends At {
  readonly type: "keyword";
  readonly name: string;
  readonly value: Expression;
}

/** A filter; without a value in `{% filter %}` and `{% set … | filter %}`. */
export interface FilterNode extends At, Arguments {
  readonly type: "filter";
  readonly value: Expression | undefined;
  readonly name: string;
}

export interface TestNode extends At, Arguments {
  readonly type: "test";
  readonly value: Expression;
  readonly name: string;
}

export interface CallNode extends At, Arguments {
  readonly type: "call";
  readonly callee: Expression;
}

export interface AttributeNode extends At {
  readonly type: "attribute";
  readonly object: Expression;
  readonly name: string;
}

export interface ItemNode extends At {
  readonly type: "item";
  readonly object: Expression;
  readonly key: Expression;
}

export interface SliceNode extends At {
  readonly type: "slice";
  readonly start: Expression | undefined;
  readonly stop: Expression | undefined;
  readonly step: Expression | undefined;
}

export interface OutputNode extends At {
  readonly type: "output";
  readonly items: readonly (Expression | DataNode)[];
}

export interface ForNode extends At {
  readonly type: "for";
  readonly target: Expression;
  readonly items: Expression;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[];
  readonly test: Expression | undefined;
  readonly isRecursive: boolean;
}

export interface IfNode extends At {
  readonly type: "if";
  readonly test: Expression;
  readonly body: readonly Statement[];
  readonly others: readonly IfNode[];
  readonly otherwise: readonly Statement[];
}

export interface Parameters {
  readonly parameters: readonly NameNode[];
  readonly defaults: readonly Expression[];
}

export interface MacroNode extends At, Parameters {
  readonly type: "macro";
  readonly name: string;
  readonly body: readonly Statement[];
}

export interface CallBlockNode extends At, Parameters {
  readonly type: "callBlock";
  readonly call: CallNode;
  readonly body: readonly Statement[];
}

export interface FilterBlockNode extends At {
  readonly type: "filterBlock";
  readonly body: readonly Statement[];
  readonly filter: FilterNode;
}

export interface WithNode extends At {
  readonly type: "with";
  readonly targets: readonly Expression[];
  readonly values: readonly Expression[];
  readonly body: readonly Statement[];
}

export interface BlockNode extends At {
  readonly type: "block";
  readonly name: string;
  readonly body: readonly Statement[];
  readonly isScoped: boolean;
  readonly isRequired: boolean;
}

export interface SetNode extends At {
  readonly type: "set";
  readonly target: Expression;
  readonly value: Expression;
}

export interface SetBlockNode extends At {
  readonly type: "setBlock";
  readonly target: Expression;
  readonly filter: FilterNode | undefined;
  readonly body: readonly Statement[];
}

/** `{% autoescape %}`, which is a scope too. */
export interface ScopeNode extends At {
  readonly type: "scope";
  readonly escapes: Expression;
  readonly body: readonly Statement[];
}

/** `{% generation %}` of transformers: what the assistant says. */
export interface GenerationNode extends At {
  readonly type: "generation";
  readonly body: readonly Statement[];
}

export interface JumpNode extends At {
  readonly type: "break" | "continue";
}

/** A statement that needs another template. */
export interface LoadNode extends At {
  readonly type: "load";
  readonly statement: "include" | "import" | "from" | "extends";
  readonly template: Expression;
  readonly names: readonly NameNode[];
  /** True for `ignore missing`. */
  readonly mayBeMissing: boolean;
  /** False for `without context`. */
  readonly hasContext: boolean;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && "line" in value;

/** The nodes right within a node, in the order of its fields. */
export function children(node: Node): Node[] {
  if (node.type === "constant") return [];
  return Object.values(node).flatMap((field: unknown) =>
    Array.isArray(field) ? field.filter(isNode) : isNode(field) ? [field] : [],
  );
}

/** Every node within some, each before those within it. */
export function* walk(nodes: readonly Node[]): Generator<Node> {
  for (const node of nodes) {
    yield node;
    yield* walk(children(node));
  }
}
