import { LecternError } from "../../common/index.ts";
import type { Pattern } from "../json.ts";
import { escapeLiteral } from "./classes.ts";
import { LinearMatcher } from "./linear.ts";
import { parsePattern } from "./parse.ts";
import { printPattern } from "./print.ts";
import { publishedPatterns } from "./published.ts";
import { isLinear } from "./safe.ts";
import { choice, type Node, sequence } from "./syntax.ts";

/** Finds the matches of a pattern. */
export interface Matcher {
  /** Calls back with the start and end of each match, in UTF-16 units, from left to right. */
  each(text: string, found: (start: number, end: number) => void): void;
}

/** JavaScript's own engine. */
export class NativeMatcher implements Matcher {
  readonly #pattern: RegExp;

  /** @param pattern a global pattern */
  constructor(pattern: RegExp) {
    this.#pattern = pattern;
  }

  each(text: string, found: (start: number, end: number) => void): void {
    const pattern = this.#pattern;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      const end = match.index + match[0].length;
      if (match[0] === "") pattern.lastIndex += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
      found(match.index, end);
    }
  }
}

/**
 * A matcher for a pattern of a file: literal, or in Oniguruma's language. A pattern that JavaScript's engine might take
 * longer for than the text's length allows runs on an engine of our own.
 */
export function compilePattern(pattern: Pattern): Matcher {
  if ("String" in pattern) return new NativeMatcher(new RegExp(escapeLiteral(pattern.String), "gv"));
  const source = pattern.Regex;
  return reading(source, "tokenizer.json", () => {
    const node = parsePattern(source);
    if (!publishedPatterns.has(source) && !isLinear(node)) return new LinearMatcher(node, source);
    return new NativeMatcher(new RegExp(printPattern(node), "gv"));
  });
}

/**
 * A test of whether a whole text matches one of some patterns, in linear time.
 * @param where the file that the patterns are from
 */
export function wholeTest(patterns: readonly string[], where: string): (text: string) => boolean {
  const end: Node = { kind: "look", item: { kind: "set", source: "[^]" }, ahead: true, negated: true };
  const matchers = patterns.map((source) =>
    reading(source, where, () => new LinearMatcher(sequence([choice([parsePattern(source)]), end]), source)),
  );
  return (text) => matchers.some((matcher) => matcher.startsWith(text));
}

function reading<T>(source: string, where: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const shown = source.length > 200 ? `${source.slice(0, 200)}…` : source;
    const reason = (cause as Error).message;
    throw new LecternError("unsupported", `${where}: the pattern ${shown} cannot be read: ${reason}`, { cause });
  }
}
