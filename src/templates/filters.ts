import type { Filter } from "./filter.ts";
import { NUMBER_FILTERS } from "./filters-number.ts";
import { selectFilters } from "./filters-select.ts";
import { SEQUENCE_FILTERS } from "./filters-sequence.ts";
import { TEXT_FILTERS } from "./filters-text.ts";
import { VALUE_TESTS } from "./value-tests.ts";
import { hash, type Value } from "./values.ts";

const filters = new Map<string, Filter>([...TEXT_FILTERS, ...NUMBER_FILTERS, ...SEQUENCE_FILTERS]);
const tests = new Map<string, Filter>(VALUE_TESTS);
for (const [name, filter] of selectFilters(filters, tests)) filters.set(name, filter);
tests.set("filter", (_, [name = null]) => isKey(filters, name));
tests.set("test", (_, [name = null]) => isKey(tests, name));

function isKey(library: ReadonlyMap<string, Filter>, name: Value): boolean {
  const key = hash(name);
  return typeof key === "string" && library.has(key);
}

/** Every filter by its name. */
export const FILTERS: ReadonlyMap<string, Filter> = filters;

/** Every test by its name. */
export const TESTS: ReadonlyMap<string, Filter> = tests;
