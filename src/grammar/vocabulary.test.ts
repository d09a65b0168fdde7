import { describe, expect, test } from "vitest";
import { Random } from "../common/index.ts";
import { Automaton, type State } from "./automaton.ts";
import { compileRegex, compileSchema } from "./compile-schema.ts";
import type { Grammar } from "./grammar.ts";
import { Vocabulary } from "./vocabulary.ts";

const random = new Random(5);
const below = (count: number): number => Math.floor(random.next() * count);
const bytesOf = (text: string): string => String.fromCharCode(...new TextEncoder().encode(text));

/** Tokens of words, digits, punctuation of JSON and parts of characters, many of them with a common beginning. */
const alphabets = ["abc", "abcXYZ", "0123456789", "ab c1", 'a1"', '",:{}[] ', '"a,:1', "-.@ab9", "é", "ab\\n"];
const texts: (string | undefined)[] = [
  ...Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)),
  ...Array.from({ length: 3000 }, () => {
    const alphabet = [...(alphabets[below(alphabets.length)] as string)];
    return bytesOf(Array.from({ length: 1 + below(9) }, () => alphabet[below(alphabet.length)]).join(""));
  }),
  "a".repeat(300),
  undefined,
];
const vocabulary = new Vocabulary(texts);

/** The tokens that an automaton takes byte by byte. */
function taken(automaton: Automaton, from: State): number[] {
  return [...texts.keys()].filter((id) => {
    let state: State | null = from;
    for (const byte of texts[id] ?? "") state = state && automaton.step(state, byte.charCodeAt(0));
    return texts[id] !== undefined && state !== null;
  });
}

const closed = (properties: Record<string, unknown>): unknown => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const schema = (one: unknown): Grammar => compileSchema(one);
const cases: Readonly<Record<string, readonly [grammar: Grammar, text: string]>> = {
  "an address": [schema(closed({ at: { type: "string", format: "email" } })), '{"at": "ab-c@ab.abc"}'],
  "a pattern that counts": [schema({ type: "string", pattern: "^[a-z]{2,6}-[0-9]{1,3}[a-zA-Z]*$" }), '"abc-12aX"'],
  "a pattern with any character": [schema({ type: "string", pattern: "^a.{0,12}9$" }), '"aé b9"'],
  "numbers in a list": [schema({ type: "array", items: { type: "number" }, maxItems: 3 }), "[12, 0.5,-3]"],
  "keys that are not named": [
    schema({ type: "object", additionalProperties: { type: "integer" } }),
    '{"ab": 1,"b":22}',
  ],
  "different strings": [
    schema({ type: "array", items: { type: "string", pattern: "^[a-c]*$", maxLength: 30 }, uniqueItems: true }),
    '["abc","b","c"]',
  ],
  "keys beside those in use": [schema({ type: "object" }), '{"a": 1,"ab":2,"ab c":{"a":0},"b":[]}'],
  "keys of which few are left": [
    schema({ type: "object", propertyNames: { pattern: "^[ab]{1,2}$" }, additionalProperties: { type: "integer" } }),
    '{"a":1,"ab":2,"aa":3,"bb":4,"b":5}',
  ],
  "different numbers": [schema({ type: "array", items: { type: "integer" }, uniqueItems: true }), "[1, 12,123,-1]"],
  "different texts of any length": [
    schema({ type: "array", items: { type: "string" }, uniqueItems: true }),
    '["a","ab c","ab","é"]',
  ],
  "any value": [schema({}), '{"a":[1, "b c",null,{"b":true}]}'],
  "two ways": [
    schema({
      anyOf: [
        { type: "string", maxLength: 3 },
        { type: "string", pattern: "^[a-z0-9]*$" },
      ],
    }),
    '"ab1a"',
  ],
  "an expression of words": [compileRegex("[a-z ]+(?:, [A-Z]\\w*)*"), "ab c, Xab"],
};

describe("the tokens that may follow", () => {
  test.each(Object.entries(cases))("agree with steps byte by byte: %s", (_, [grammar, text]) => {
    const automaton = new Automaton(grammar);
    const bytes = bytesOf(text);
    let state = automaton.start;
    for (let i = 0; i <= bytes.length; i++) {
      const mask = vocabulary.mask(automaton, state, i === 0);
      const found = [...texts.keys()].filter((id) => ((mask[id >> 5] as number) >>> (id & 31)) & 1);
      expect(found, bytes.slice(0, i)).toEqual(taken(automaton, state));
      if (i < bytes.length) state = automaton.step(state, bytes.charCodeAt(i)) as State;
    }
    expect(state.isComplete).toBe(true);
  });
});
