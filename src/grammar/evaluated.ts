import { isObject } from "../common/index.ts";
import { refuse } from "./budget.ts";
import { type Location, type References, schemaAt } from "./references.ts";

/** Keywords whose schemas evaluate properties and items only where a value fits them, which differs by value. */
const BY_VALUE = ["anyOf", "oneOf", "if", "dependentSchemas", "$dynamicRef"];

/** The schemas that apply to each value of a schema: itself, and those of `allOf` and `$ref`. */
function applied(at: Location, references: References, pointer: string): Readonly<Record<string, unknown>>[] {
  const found = new Map<object, Readonly<Record<string, unknown>>>();
  const waiting = [at];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, base } = next;
    if (typeof value === "boolean" || found.has(value)) continue;
    found.set(value, value);
    const conditional = BY_VALUE.find((key) => value[key] !== undefined);
    if (conditional) {
      const where = `${next.pointer}/${conditional}`;
      throw refuse(pointer, `it depends on ${where}, whose part differs by value; use additionalProperties or items`);
    }
    if (typeof value.$ref === "string") waiting.push(references.find(value.$ref, base, `${next.pointer}/$ref`));
    if (Array.isArray(value.allOf))
      for (const [i, part] of value.allOf.entries()) waiting.push(schemaAt(part, `${next.pointer}/allOf/${i}`, base));
  }
  return [...found.values()];
}

/** The properties that `unevaluatedProperties` does not look at. @param pointer of it */
export function evaluatedProperties(
  at: Location,
  references: References,
  pointer: string,
): { readonly names: string[]; readonly sources: string[]; readonly isAll: boolean } {
  const schemas = applied(at, references, pointer);
  const keys = (key: string): string[] => [
    ...new Set(schemas.flatMap((schema) => (isObject(schema[key]) ? Object.keys(schema[key]) : []))),
  ];
  const isAll = schemas.some(
    (schema) =>
      schema.additionalProperties !== undefined || (schema !== at.value && schema.unevaluatedProperties !== undefined),
  );
  return { names: keys("properties"), sources: keys("patternProperties"), isAll };
}

/** The items that `unevaluatedItems` does not look at: the first so many, or all. @param pointer of it */
export function evaluatedItems(
  at: Location,
  references: References,
  pointer: string,
): { readonly count: number; readonly isAll: boolean } {
  const schemas = applied(at, references, pointer);
  if (schemas.some(({ contains }) => contains !== undefined))
    throw refuse(pointer, "it depends on contains, whose part differs by value; use items");
  const counts = schemas.map(({ prefixItems }) => (Array.isArray(prefixItems) ? prefixItems.length : 0));
  const isAll = schemas.some(
    (schema) => schema.items !== undefined || (schema !== at.value && schema.unevaluatedItems !== undefined),
  );
  return { count: Math.max(...counts), isAll };
}
