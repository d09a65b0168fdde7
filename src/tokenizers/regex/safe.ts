import type { Node } from "./syntax.ts";

/** Ways to match a part that are tried at most before a matcher that goes back gives up on it. */
const MOST_WAYS = 256;

/**
 * True if JavaScript's own engine matches in a time that grows with the text's length alone: in each alternative, the
 * only repetition without a bound is of one set, and nothing behind it can fail. What was read for nothing is then
 * bounded at each place. Alternatives that may match nothing are left out too: that engine finds empty matches between
 * the two halves of a character.
 */
export function isLinear(node: Node): boolean {
  const options = node.kind === "choice" ? node.options : [node];
  let ways = 0;
  for (const option of options) {
    const items = option.kind === "sequence" ? option.items : [option];
    const open = items.findIndex(isOpen);
    const bounded = open < 0 ? items : items.slice(0, open);
    ways += bounded.reduce((product, item) => product * waysOf(item), 1);
    if (!(ways <= MOST_WAYS)) return false;
    if (!items.some(consumes) || items[0]?.kind === "look") return false;
    if (open >= 0 && !items.slice(open + 1).every(cannotFail)) return false;
  }
  return true;
}

/** True if a node matches at least one character. */
function consumes(node: Node): boolean {
  if (node.kind === "choice") return node.options.every(consumes);
  if (node.kind === "sequence") return node.items.some(consumes);
  if (node.kind === "repeat") return node.min > 0 && consumes(node.item);
  return node.kind === "set" || (node.kind === "atomic" && consumes(node.item));
}

const isOpen = (node: Node): boolean =>
  node.kind === "repeat" && node.max === Number.POSITIVE_INFINITY && node.item.kind === "set";

const cannotFail = (node: Node): boolean =>
  node.kind === "repeat" && node.min === 0 && (isOpen(node) || waysOf(node) <= MOST_WAYS);

/** The ways to match a node; infinite where its length has no bound. */
function waysOf(node: Node): number {
  switch (node.kind) {
    case "set":
      return 1;
    case "choice":
      return node.options.reduce((sum, option) => sum + waysOf(option), 0);
    case "sequence":
      return node.items.reduce((product, item) => product * waysOf(item), 1);
    case "repeat": {
      if (!(node.max <= MOST_WAYS)) return Number.POSITIVE_INFINITY;
      const ways = waysOf(node.item);
      let sum = 0;
      for (let count = node.min; count <= node.max && sum <= MOST_WAYS; count++) sum += ways ** count;
      return sum * Math.max(1, node.max);
    }
    case "atomic":
    case "look":
      return waysOf(node.item);
  }
}
