import { countFrom } from "./array-rules.ts";
import { combine, type Dfa, isEmpty } from "./dfa.ts";
import { FALSE } from "./formulas.ts";
import type { ExtraRule, ObjectRule, PropertyRule } from "./grammar.ts";
import type { GrammarBuilder } from "./grammar-builder.ts";
import { ALL_STRINGS, type StringSet, stringKey } from "./string-sets.ts";
import type { Formula, Named, ObjectTerm } from "./terms.ts";

const encoder = new TextEncoder();

/** So many ways of meeting conditions on some key may there be, and so many kinds of keys. */
const MOST_VARIANTS = 256;
const MOST_CLASSES = 256;

/** Keys that are not named, all with the same rule for their values. */
interface KeyClass {
  readonly id: string;
  readonly keys: Dfa;
  readonly of: Formula;
}

/** A way to meet all conditions on some key: named properties made stricter, and keys that must come. */
interface Variant {
  readonly named: ReadonlyMap<string, Named>;
  readonly musts: readonly (readonly KeyClass[])[];
}

/** The rules of a set of objects. */
export function objectDrafts(term: ObjectTerm, builder: GrammarBuilder): ObjectRule[] {
  const named = allowedNames(term, builder);
  if (!named) return [];
  const classes = keyClasses(term, named, builder);
  return variants(term, named, classes, builder).map((variant) => draft(term, variant, classes, builder));
}

/** The named properties that may come; undefined where a required one may not. */
function allowedNames({ named, names }: ObjectTerm, { schemas }: GrammarBuilder): Map<string, Named> | undefined {
  const found = new Map<string, Named>();
  for (const [name, rule] of named) {
    const isAllowed =
      rule.presence !== "never" && rule.of !== FALSE && names.every((formula) => schemas.has(formula, name));
    if (isAllowed) found.set(name, rule);
    else if (rule.presence === "required") return undefined;
    else found.set(name, { ...rule, presence: "never" });
  }
  return found;
}

/** Keys beyond the named ones, by which patterns they match. */
function keyClasses(
  { scopes, names }: ObjectTerm,
  named: ReadonlyMap<string, Named>,
  builder: GrammarBuilder,
): KeyClass[] {
  const { schemas, budget } = builder;
  const { formulas, strings } = schemas;
  const isClosed = scopes.some(({ patterns, rest }) => patterns.length === 0 && rest === FALSE);
  if (isClosed) return [];
  const except = new Set(named.keys());
  const sets: StringSet[] =
    names.length === 0
      ? [{ ...ALL_STRINGS, except }]
      : schemas
          .termsOf(formulas.all(names))
          .flatMap((term) =>
            term.type === "string" ? (strings.common(term.set, { ...ALL_STRINGS, except }) ?? []) : [],
          );
  let keys: Dfa | undefined;
  for (const set of sets) keys = keys ? combine(keys, strings.of(set), "either", budget) : strings.of(set);
  if (!keys) return [];
  const conditions = new Map(
    scopes.flatMap(({ patterns }) => patterns.map(({ key }) => [stringKey(key), key] as const)),
  );
  let classes: { keys: Dfa; matched: string[] }[] = [{ keys, matched: [] }];
  for (const [id, key] of conditions) {
    const matching = strings.of(key);
    classes = classes.flatMap((one) =>
      [
        { keys: combine(one.keys, matching, "both", budget), matched: [...one.matched, id] },
        { keys: combine(one.keys, matching, "first only", budget), matched: one.matched },
      ].filter((split) => !isEmpty(split.keys)),
    );
    if (classes.length > MOST_CLASSES) throw budget.refuse(`its patterns make more than ${MOST_CLASSES} kinds of keys`);
  }
  const base = JSON.stringify([[...except], sets.map(stringKey)]);
  return classes.flatMap(({ keys, matched }) => {
    const parts = scopes.flatMap(({ patterns, rest }) => {
      const own = patterns.filter(({ key }) => matched.includes(stringKey(key)));
      return own.length > 0 ? own.map(({ of }) => of) : [rest];
    });
    const of = formulas.all(parts);
    return of === FALSE || isEmpty(keys)
      ? []
      : [{ id: JSON.stringify([base, matched, [...conditions.keys()]]), keys, of }];
  });
}

function variants(
  term: ObjectTerm,
  named: ReadonlyMap<string, Named>,
  classes: readonly KeyClass[],
  builder: GrammarBuilder,
): Variant[] {
  const { schemas, budget } = builder;
  let found: Variant[] = [{ named, musts: [] }];
  for (const { key, of } of term.some) {
    found = found.flatMap((variant) => {
      const stricter = [...variant.named].flatMap(([name, rule]): Variant[] => {
        if (rule.presence === "never" || !schemas.strings.has(key, name)) return [];
        const both = schemas.formulas.all([rule.of, of]);
        if (both === FALSE) return [];
        return [
          { ...variant, named: new Map([...variant.named, [name, { of: both, presence: "required" as const }]]) },
        ];
      });
      const must = classes.flatMap((one): KeyClass[] => {
        const keys = combine(one.keys, schemas.strings.of(key), "both", budget);
        const both = schemas.formulas.all([one.of, of]);
        return isEmpty(keys) || both === FALSE ? [] : [{ id: `${one.id} some ${stringKey(key)}`, keys, of: both }];
      });
      return [...stricter, ...(must.length > 0 ? [{ ...variant, musts: [...variant.musts, must] }] : [])];
    });
    if (found.length > MOST_VARIANTS)
      throw budget.refuse(`more than ${MOST_VARIANTS} ways to meet its conditions on some property`);
  }
  return found;
}

function draft(
  { least, most }: ObjectTerm,
  { named, musts }: Variant,
  classes: readonly KeyClass[],
  builder: GrammarBuilder,
): ObjectRule {
  const extra = ({ id, keys, of }: KeyClass): ExtraRule => ({
    key: builder.lexer(`key ${id}`, () => ({ kind: "dfa", dfa: keys })),
    value: builder.node(of),
    supply: countFrom(keys),
  });
  const properties = [...named].flatMap(([name, { of, presence }]): PropertyRule[] => {
    if (presence === "never") return [];
    const bytes = encoder.encode(`${JSON.stringify(name)}:`);
    const key = builder.lexer(`name ${name}`, () => ({ kind: "literal", bytes, isSpaced: true }));
    return [{ key, value: builder.node(of), isRequired: presence === "required" }];
  });
  const plain = classes.map(extra);
  const wanted = musts.map((must) => must.map(extra));
  // Keys that must come are written first, so others cannot use them up, as long as there are enough.
  const scarce = wanted.flat().find(({ supply }) => supply < wanted.length);
  if (scarce && wanted.length > 1)
    throw builder.budget.refuse("conditions on some property whose names are few cannot be enforced together");
  const positions = wanted.map((must, i) => {
    const before = plain.length + wanted.slice(0, i).flat().length;
    return must.map((_, j) => before + j);
  });
  return { kind: "object", named: properties, extras: [...plain, ...wanted.flat()], musts: positions, least, most };
}
