import type { Node } from "./syntax.ts";

/** A JavaScript pattern, for the flag `v`, that matches as a tree does. */
export function printPattern(node: Node): string {
  let atomics = 0;
  const atomic = (inside: string): string => {
    const name = `atomic${atomics++}`;
    return `(?:(?=(?<${name}>${inside}))\\k<${name}>)`;
  };
  const print = (node: Node): string => {
    switch (node.kind) {
      case "set":
        return node.source;
      case "sequence":
        return node.items.map(grouped).join("");
      case "choice":
        return node.options.map(print).join("|");
      case "atomic":
        return atomic(print(node.item));
      case "look":
        return `(?${node.ahead ? "" : "<"}${node.negated ? "!" : "="}${print(node.item)})`;
      case "repeat": {
        const repeated = `${node.item.kind === "set" ? node.item.source : `(?:${print(node.item)})`}${counts(node)}`;
        if (node.mode === "possessive") return atomic(repeated);
        return node.mode === "lazy" ? `${repeated}?` : repeated;
      }
    }
  };
  const grouped = (node: Node): string => (node.kind === "choice" ? `(?:${print(node)})` : print(node));
  return print(node);
}

function counts({ min, max }: { readonly min: number; readonly max: number }): string {
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  return min === 0 && max === 1 ? "?" : `{${min},${max}}`;
}
