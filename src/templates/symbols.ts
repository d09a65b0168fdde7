import type { ForNode, IfNode, NameNode, Node } from "./nodes.ts";
import { children, walk } from "./nodes.ts";

/** The variables of one function of Jinja's compiled code: the template, a macro, a block, a recursive loop. */
export class Unit {
  readonly parent: Unit | undefined;
  /** The names that the whole template reads from its context. */
  readonly reads: Set<string>;
  readonly #slots = new Map<string, number>();

  constructor(parent: Unit | undefined, reads = parent?.reads ?? new Set<string>()) {
    this.parent = parent;
    this.reads = reads;
  }

  /** The number of a variable. */
  slot(identifier: string): number {
    const known = this.#slots.get(identifier);
    if (known !== undefined) return known;
    this.#slots.set(identifier, this.#slots.size);
    return this.#slots.size - 1;
  }
}

/** A variable of a unit. */
export interface Reference {
  readonly unit: Unit;
  readonly slot: number;
}

/** The value that a variable has where its scope begins. */
export type Load =
  | { readonly kind: "parameter" }
  | { readonly kind: "undefined" }
  | { readonly kind: "resolve"; readonly name: string }
  | { readonly kind: "alias"; readonly reference: Reference };

/** The names of a scope, by the rules of Jinja's compiler: which variable each is, and what it is at first. */
export class Symbols {
  readonly unit: Unit;
  readonly parent: Symbols | undefined;
  readonly #level: number;
  readonly #references = new Map<string, Reference>();
  readonly #stores = new Set<string>();
  /** The loads of this scope's own variables, by their slots. */
  readonly loads = new Map<number, Load>();

  constructor(unit: Unit, parent?: Symbols, level = parent ? parent.#level + 1 : 0) {
    this.unit = unit;
    this.parent = parent;
    this.#level = level;
  }

  find(name: string): Reference | undefined {
    return this.#references.get(name) ?? this.parent?.find(name);
  }

  /** The names that are set here or around, with their variables. */
  stored(): Map<string, Reference> {
    const found = this.parent?.stored() ?? new Map<string, Reference>();
    for (const name of this.#stores) found.set(name, this.find(name) as Reference);
    return found;
  }

  declareParameter(name: string): Reference {
    this.#stores.add(name);
    return this.#define(name, { kind: "parameter" });
  }

  load(name: string): void {
    if (!this.find(name)) this.#define(name, { kind: "resolve", name });
  }

  store(name: string): void {
    this.#stores.add(name);
    if (this.#references.has(name)) return;
    const outer = this.parent?.find(name);
    this.#define(name, outer ? { kind: "alias", reference: outer } : { kind: "undefined" });
  }

  #define(name: string, load: Load): Reference {
    const slot = this.unit.slot(`${this.#level}_${name}`);
    const reference = { unit: this.unit, slot };
    this.#references.set(name, reference);
    this.loads.set(slot, load);
    return reference;
  }

  /** A scope of the same variables, for one branch of a condition. */
  branch(): Symbols {
    const copy = new Symbols(this.unit, this.parent, this.#level);
    for (const [name, reference] of this.#references) copy.#references.set(name, reference);
    for (const [slot, load] of this.loads) copy.loads.set(slot, load);
    for (const name of this.#stores) copy.#stores.add(name);
    return copy;
  }

  /** Takes in the names of branches: what only some of them set is what it was before. */
  merge(branches: readonly Symbols[]): void {
    const set = new Set(branches.flatMap((branch) => [...branch.#stores]));
    for (const name of this.#stores) set.delete(name);
    for (const branch of branches) {
      for (const [name, reference] of branch.#references) this.#references.set(name, reference);
      for (const [slot, load] of branch.loads) this.loads.set(slot, load);
      for (const name of branch.#stores) this.#stores.add(name);
    }
    for (const name of set) {
      const outer = this.parent?.find(name);
      const load: Load = outer ? { kind: "alias", reference: outer } : { kind: "resolve", name };
      this.loads.set((this.find(name) as Reference).slot, load);
    }
  }
}

/** Finds what the names of some parts of a template mean in a scope. */
export function analyze(symbols: Symbols, nodes: readonly Node[]): void {
  for (const node of nodes) visit(symbols, node);
}

/** Finds the names of a loop's target, which are set by the loop itself. */
export function analyzeTarget(symbols: Symbols, target: Node): void {
  for (const node of walk([target])) if (node.type === "name") symbols.declareParameter(node.name);
}

function visit(symbols: Symbols, node: Node): void {
  switch (node.type) {
    case "name":
      visitName(symbols, node);
      break;
    case "namespace":
      symbols.load(node.name);
      break;
    case "if":
      visitIf(symbols, node);
      break;
    case "macro":
      symbols.store(node.name);
      break;
    case "load":
      visit(symbols, node.template);
      for (const { name } of node.names) symbols.store(name);
      break;
    case "set":
      visit(symbols, node.value);
      visit(symbols, node.target);
      break;
    case "for":
      visit(symbols, node.items);
      break;
    case "callBlock":
      visit(symbols, node.call);
      break;
    case "filterBlock":
      visit(symbols, node.filter);
      break;
    case "with":
      analyze(symbols, node.values);
      break;
    case "setBlock":
      visit(symbols, node.target);
      break;
    case "scope":
    case "block":
    case "generation":
      break;
    default:
      analyze(symbols, children(node));
  }
}

function visitName(symbols: Symbols, { name, use }: NameNode): void {
  if (use === "parameter") symbols.declareParameter(name);
  else if (use === "store") symbols.store(name);
  else symbols.load(name);
}

function visitIf(symbols: Symbols, node: IfNode): void {
  visit(symbols, node.test);
  const branches = [node.body, node.others, node.otherwise].map((nodes) => {
    const branch = symbols.branch();
    analyze(branch, nodes);
    return branch;
  });
  symbols.merge(branches);
}

/** Those of some names that parts of a template read before they set them. */
export function readNames(nodes: readonly Node[], names: readonly string[]): Set<string> {
  const open = new Set(names);
  const read = new Set<string>();
  const look = (node: Node): void => {
    if (node.type === "block") return;
    if (node.type === "name") {
      if (node.use === "load" && open.has(node.name)) read.add(node.name);
      else open.delete(node.name);
    } else for (const child of children(node)) look(child);
  };
  for (const node of nodes) look(node);
  return read;
}

/** True if a loop's body needs what `loop` knows. */
export function usesLoop(node: ForNode): boolean {
  if (node.isRecursive || readNames(node.body, ["loop"]).has("loop")) return true;
  for (const inner of walk([node])) if (inner.type === "block" && inner.isScoped) return true;
  return false;
}
