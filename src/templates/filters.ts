import type { Filter } from "./filter.ts";
import { NUMBER_FILTERS } from "./filters-number.ts";
import { selectFilters } from "./filters-select.ts";
import { SEQUENCE_FILTERS } from "./filters-sequence.ts";
import { TEXT_FILTERS } from "./filters-text.ts";
import { str } from "./print.ts";
import { VALUE_TESTS } from "./value-tests.ts";

const filters = new Map<string, Filter>([...TEXT_FILTERS, ...NUMBER_FILTERS, ...SEQUENCE_FILTERS]);
const tests = new Map<string, Filter>(VALUE_TESTS);
for (const [name, filter] of selectFilters(filters, tests)) filters.set(name, filter);
tests.set("filter", (run, [name = null]) => filters.has(str(run, name)));
tests.set("test", (run, [name = null]) => tests.has(str(run, name)));

/** Every filter by its name. */
export const FILTERS: ReadonlyMap<string, Filter> = filters;

/** Every test by its name. */
export const TESTS: ReadonlyMap<string, Filter> = tests;
