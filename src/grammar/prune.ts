import { ARRAY_START, ArrayPlan } from "./array-plan.ts";
import type { Budget } from "./budget.ts";
import { type Alternative, type ArrayRule, type Grammar, type ObjectRule, plainExtras } from "./grammar.ts";

/** True for a node that has a value. */
type Has = (node: number) => boolean;

/**
 * The same grammar without what has no value; undefined where nothing is left.
 * @param canRead whether a lexer has a text
 */
export function prune(
  grammar: Grammar,
  budget: Budget,
  canRead: (lexer: number) => boolean = () => true,
): Grammar | undefined {
  const found = new Set<number>();
  const has: Has = (node) => found.has(node);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [node, alternatives] of grammar.nodes.entries()) {
      budget.step();
      if (found.has(node) || !alternatives.some((one) => canWrite(one, has, canRead))) continue;
      found.add(node);
      changed = true;
    }
  }
  if (!found.has(grammar.root)) return undefined;
  const nodes = grammar.nodes.map((alternatives, node) =>
    found.has(node) ? alternatives.flatMap((one) => pruned(one, has, canRead)) : [],
  );
  return { ...grammar, nodes };
}

function canWrite(one: Alternative, has: Has, canRead: Has): boolean {
  if (one.kind === "lexer") return canRead(one.lexer);
  if (one.kind === "array") return new ArrayPlan(one, has).canFinish(ARRAY_START(one));
  const hasProperty = ({ key, value }: { key: number; value: number }): boolean => canRead(key) && has(value);
  const supply = plainExtras(one).reduce((sum, extra) => (hasProperty(extra) ? sum + extra.supply : sum), 0);
  const required = one.named.filter(({ isRequired }) => isRequired);
  const { length: named } = one.named.filter(hasProperty);
  return (
    one.least <= one.most &&
    required.every(hasProperty) &&
    one.musts.every((must) => must.some((i) => hasProperty(one.extras[i] as ObjectRule["extras"][number]))) &&
    required.length + one.musts.length <= one.most &&
    named + Math.max(supply, one.musts.length) >= one.least
  );
}

/** An alternative without what has no value. */
function pruned(one: Alternative, has: Has, canRead: Has): Alternative[] {
  if (!canWrite(one, has, canRead)) return [];
  if (one.kind === "lexer") return [one];
  return [one.kind === "array" ? prunedArray(one, has) : prunedObject(one, has, canRead)];
}

function prunedArray(rule: ArrayRule, has: Has): ArrayRule {
  const prefix = rule.prefix.map((choices) => choices.filter(({ value }) => has(value)));
  const rest = rule.rest.filter(({ value }) => has(value));
  const closed = prefix.findIndex((choices) => choices.length === 0);
  const end = closed >= 0 ? closed : rest.length === 0 ? prefix.length : Number.POSITIVE_INFINITY;
  return { ...rule, prefix, rest, most: Math.min(rule.most, end) };
}

function prunedObject(rule: ObjectRule, has: Has, canRead: Has): ObjectRule {
  const kept = rule.extras.flatMap(({ key, value }, i) => (canRead(key) && has(value) ? [i] : []));
  return {
    ...rule,
    named: rule.named.filter(({ key, value }) => canRead(key) && has(value)),
    extras: kept.map((i) => rule.extras[i] as ObjectRule["extras"][number]),
    musts: rule.musts.map((must) => must.flatMap((i) => (kept.includes(i) ? [kept.indexOf(i)] : []))),
  };
}
