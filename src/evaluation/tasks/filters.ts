import {
  check,
  checkFields,
  LecternError,
  ownEntry,
  type Rules,
  rules,
  shown,
  suggestion,
} from "../../common/index.ts";
import { findAll, pythonRegex } from "../python/regex.ts";

/** A step of a pipeline: answers of one item, changed or fewer. */
type Filter = (answers: readonly string[]) => readonly string[];

/** Filters that an item's answers pass one after the other, down to one. */
export interface FilterPipeline {
  /** The name that results carry behind the metric; `none` adds none. */
  readonly name: string;
  /** Reduces the generated texts of one item to its answer. */
  readonly apply: (answers: readonly string[]) => string;
}

interface FilterKind {
  readonly options: Rules;
  readonly make: (options: Readonly<Record<string, unknown>>, place: string) => Filter;
}

const each =
  (change: (answer: string) => string): Filter =>
  (answers) =>
    answers.map(change);

const kinds: Readonly<Record<string, FilterKind>> = {
  take_first: { options: {}, make: () => (answers) => answers.slice(0, 1) },
  take_first_k: {
    options: { k: rules.count },
    make: ({ k }, place) => {
      check(typeof k === "number", "input", () => `${place}: take_first_k needs k`);
      return (answers) => {
        check(
          answers.length >= k,
          "usage",
          () => `${place}: take_first_k takes ${k} answers; repeats gives ${answers.length}`,
        );
        return answers.slice(0, k);
      };
    },
  },
  majority_vote: { options: {}, make: () => (answers) => [mostFrequent(answers)] },
  lowercase: { options: {}, make: () => each((answer) => answer.toLowerCase()) },
  uppercase: { options: {}, make: () => each((answer) => answer.toUpperCase()) },
  strip: { options: {}, make: () => each(strip) },
  remove_whitespace: { options: {}, make: () => each(strip) },
  map: {
    options: { mapping_dict: rules.object, default_value: rules.text },
    make: ({ mapping_dict: mapping = {}, default_value: other }, place) => {
      const known = new Map(Object.entries(mapping as Readonly<Record<string, unknown>>));
      return each((answer) => {
        const value = known.get(answer) ?? other;
        check(value !== undefined, "input", () => `${place}: map has no entry for ${shown(answer)}, nor default_value`);
        return String(value);
      });
    },
  },
  regex: {
    options: {
      regex_pattern: rules.text,
      group_select: { fits: Number.isSafeInteger, expected: "a whole number" },
      fallback: rules.text,
    },
    make: ({ regex_pattern = "#### (\\-?[0-9\\.\\,]+)", group_select = 0, fallback = "[invalid]" }, place) => {
      const regex = pythonRegex(regex_pattern as string, `${place}: regex`);
      return each((answer) => select(findAll(regex, answer), group_select as number, fallback as string));
    },
  },
};

const strip = (text: string): string => text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "");

function select(found: readonly (string | readonly string[])[], at: number, fallback: string): string {
  if (found.length === 0) return fallback;
  const match = found.at(at);
  check(
    match !== undefined,
    "input",
    () => `filter regex: group_select ${at} asks for more matches than the ${found.length} of an answer`,
  );
  if (typeof match === "string") return strip(match);
  return strip(match.find((group) => group !== "") ?? fallback);
}

function mostFrequent(answers: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best), ["", 0])[0];
}

/** A pipeline as a task file writes it: `[{ function: "regex", regex_pattern: … }, …]`. */
export function filterPipeline(name: string, steps: unknown, place: string): FilterPipeline {
  check(
    Array.isArray(steps),
    "input",
    () => `${place}: filter ${name} must be a list of functions; got ${shown(steps)}`,
  );
  const filters = steps.map((step: unknown) => {
    const { function: kind, ...options } = step as Readonly<Record<string, unknown>>;
    const known = ownEntry(kinds, kind);
    if (!known)
      throw new LecternError(
        "unsupported",
        `${place}: there is no filter ${shown(kind)}${suggestion(String(kind), Object.keys(kinds))}`,
      );
    checkFields(`${place}: filter ${kind}`, options, known.options, "key");
    return known.make(options, place);
  });
  return {
    name,
    apply(answers) {
      const kept = filters.reduce((all, filter) => filter(all), answers);
      check(
        kept.length === 1,
        "usage",
        () =>
          `${place}: filter ${name} leaves ${kept.length} answers of an item; end it with take_first or majority_vote`,
      );
      return kept[0] as string;
    },
  };
}

/** The pipeline of tasks that name none. */
export const TAKE_FIRST: FilterPipeline = filterPipeline("none", [{ function: "take_first" }], "none");
