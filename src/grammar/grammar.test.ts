import { describe, expect, test, vi } from "vitest";
import { takes } from "../../test/structured/takes.ts";
import { Automaton } from "./automaton.ts";
import { compileRegex, compileSchema } from "./compile-schema.ts";
import { restrictGrammar } from "./restrict.ts";
import { Vocabulary } from "./vocabulary.ts";

vi.setConfig({ testTimeout: 60_000 }); // refusals of large automata take seconds on a busy machine

const bySchema = (schema: unknown): Automaton => new Automaton(compileSchema(schema));
const byRegex = (source: string): Automaton => new Automaton(compileRegex(source));

describe("the form of JSON", () => {
  test("one space may follow a comma and a colon, and nothing else", () => {
    const automaton = bySchema({ type: "object", properties: { a: {}, b: {} }, additionalProperties: false });
    for (const text of ['{"a":1,"b":2}', '{"a": 1, "b": 2}', '{"b": [1, 2]}', "{}"])
      expect(takes(automaton, text)).toBe(true);
    for (const text of ['{"a":  1}', '{ "a":1}', '{"a" :1}', '{"b":1,"a":2}', '{"a":1}\n', '{"a":1,"a":1}'])
      expect(takes(automaton, text)).toBe(false);
  });

  test("numbers have 15 digits at most, no exponent, no zeros that say nothing and no −0", () => {
    const automaton = bySchema({ type: "number" });
    for (const text of ["0", "-1", "0.5", "123456789012345", "-0.001"]) expect(takes(automaton, text)).toBe(true);
    for (const text of ["-0", "1e3", "1.0", "01", "1234567890123456", ".5", "1."])
      expect(takes(automaton, text)).toBe(false);
  });

  test("strings have the escapes of JSON.stringify", () => {
    const automaton = bySchema({ type: "string" });
    for (const text of ['é\n\t"\\', "\u0001\u001f", "🦉", "\u007f"])
      expect(takes(automaton, JSON.stringify(text))).toBe(true);
    for (const text of ['"\\u00e9"', '"\\/"', '"\\ud800"', '"\\u0009"', '"a'])
      expect(takes(automaton, text)).toBe(false);
  });

  test("keys that are not named come once each", () => {
    const automaton = bySchema({ type: "object", minProperties: 2, additionalProperties: { type: "null" } });
    expect(takes(automaton, '{"x":null,"y":null}')).toBe(true);
    expect(takes(automaton, '{"x":null,"x":null}')).toBe(false);
  });
});

describe("what is refused, by its pointer", () => {
  test.each([
    [{ $ref: "https://example.com/s.json" }, "/$ref: https://example.com/s.json lies outside"],
    [{ properties: { a: { format: "color" } } }, "/properties/a/format: the format color is not enforced"],
    [{ items: { pattern: "(?=a)" } }, '/items/pattern: the pattern "(?=a)" uses lookahead, (?=…)'],
    [{ pattern: "(a)\\1" }, "uses back-references, \\1"],
    [{ pattern: "\\bword" }, "uses word boundaries, \\b"],
    [{ patternProperties: { "a/(?<!a)b": {} } }, "/patternProperties/a~1(?<!a)b: the pattern"],
    [{ pattern: "(?<!a)b" }, "uses lookbehind, (?<!…)"],
    [{ minLenght: 3 }, "/minLenght: no keyword; did you mean minLength?"],
    [{ uniqueItems: true, items: { type: "object" } }, "/uniqueItems: uniqueItems is enforced for strings"],
    [{ not: { format: "email" } }, "the format email is enforced by a part"],
    [{ pattern: "(a{1,1000}){1,1000}" }, "more than 200000 states"],
    [{ pattern: "(a|b)*a(a|b){20}" }, "more than 40000 states"],
    [{ type: "integer", multipleOf: 123457 }, "multipleOf 123457 needs more than"],
    [{ $schema: "http://json-schema.org/draft-04/schema" }, "/$schema: the dialect"],
  ])("%j", (schema, message) => {
    expect(() => compileSchema(schema)).toThrow(message);
  });

  test.each([
    [false, "no JSON value"],
    [{ type: "integer", minimum: 2, maximum: 1 }, "no JSON value"],
    [{ allOf: [{ type: "string" }, { type: "null" }] }, "no JSON value"],
    [{ type: "object", required: ["a"], properties: { a: { $ref: "#" } } }, "no JSON value"],
    [{ enum: [] }, "no JSON value"],
    [{ type: "string", minLength: 2, maxLength: 1 }, "no JSON value"],
    [{ $ref: "#" }, "the root: its references lead back to itself"],
    [{ $ref: "#/$defs/no" }, "/$ref: the schema has nothing at #/$defs/no"],
    [{ type: "text" }, "/type: it must be one of object"],
    [{ minimum: "1" }, "/minimum: it must be a number"],
    [{ pattern: "[" }, '/pattern: the pattern "[" is no regular expression: [ is not closed'],
    [{ properties: { a: 1 } }, "/properties/a: a schema must be an object, true or false"],
  ])("%j is wrong or contradicts itself", (schema, message) => {
    expect(() => compileSchema(schema)).toThrow(message);
  });

  test("schemas that are too deep or too large, without delay", () => {
    let deep: unknown = { type: "null" };
    for (let i = 0; i < 10_000; i++) deep = { items: deep };
    expect(() => compileSchema(deep)).toThrow("nested deeper than 400");
    const wide = { anyOf: Array.from({ length: 300_000 }, () => ({ type: "null" })) };
    expect(() => compileSchema(wide)).toThrow("holds more than 200000 values");
    const own: Record<string, unknown> = {};
    own.items = own;
    expect(() => compileSchema(own)).toThrow("schema: ");
  });

  test("a compilation that takes too long ends with an explanation", () => {
    expect(() => compileSchema({ pattern: "^(.{0,300}x){1,20}$" }, { limitMs: 1 })).toThrow(
      "it takes longer than 1 ms to compile",
    );
  });
});

test("an enum of 10,000 texts takes each of them and no other", () => {
  const automaton = bySchema({ enum: Array.from({ length: 10_000 }, (_, i) => `value ${i}`) });
  expect(takes(automaton, '"value 9999"')).toBe(true);
  expect(takes(automaton, '"value 10000"')).toBe(false);
});

describe("regular expressions", () => {
  test.each([
    ["\\d{3}-[a-c]+", ["123-abc"], ["123-", "x123-a"]],
    ["^a|b$", ["a", "b"], ["ab", ""]],
    ["(?:é|🦉)*", ["", "é🦉é"], ["e"]],
    ["\\p{Lu}\\P{Lu}?", ["Ä", "Äß"], ["ß", "ÄÖ"]],
    ["[^\\n]", ["ß", "🦉"], ["\n", "ab"]],
    ["\\u00e9\\x41\\u{1F989}", ["éA🦉"], ["eA🦉"]],
  ] as const)("%s", (source, taken, rejected) => {
    const automaton = byRegex(source);
    for (const text of taken) expect(takes(automaton, text)).toBe(true);
    for (const text of rejected) expect(takes(automaton, text)).toBe(false);
  });

  test("one that matches no text is refused", () => {
    expect(() => compileRegex("a^b")).toThrow("regex: no text matches a^b");
  });
});

describe("masks of tokens", () => {
  const texts = [
    '"',
    "a",
    'a"',
    "ab",
    "abcdefghij",
    "\xc3",
    "\xa9",
    "\xc3\xa9",
    "\\",
    '\\"',
    '","',
    "]",
    "[",
    undefined,
    "",
  ];
  const vocabulary = new Vocabulary(texts);

  /** The tokens that may follow a text. */
  function tokensAfter(schema: unknown, text: string): (string | undefined)[] {
    const automaton = bySchema(schema);
    let state = automaton.start;
    for (const unit of text) {
      const next = automaton.step(state, unit.charCodeAt(0));
      if (!next) throw new Error(`${text} is not taken`);
      state = next;
    }
    const mask = vocabulary.mask(automaton, state, false);
    return texts.filter((_, id) => ((mask[id >> 5] as number) >>> (id & 31)) & 1);
  }

  test("hold the tokens that a string may go on with, by its length", () => {
    expect(tokensAfter({ type: "string", maxLength: 2 }, '"')).toEqual([
      '"',
      "a",
      'a"',
      "ab",
      "\xc3",
      "\xc3\xa9",
      "\\",
      '\\"',
      "]",
      "[",
    ]);
    expect(tokensAfter({ type: "string" }, '"')).toContain("abcdefghij");
    expect(tokensAfter({ type: "string", minLength: 1, maxLength: 1 }, '"\xc3')).toEqual(["\xa9"]);
    expect(tokensAfter({ items: { type: "string" } }, '["a')).toContain('","');
  });

  test("agree with steps byte by byte, for every state of a text", () => {
    const automaton = bySchema({
      type: "array",
      items: { type: "string", pattern: "^[a-c]*$", maxLength: 30 },
      uniqueItems: true,
    });
    let state = automaton.start;
    for (const unit of '["abc","b","') {
      const mask = vocabulary.mask(automaton, state, false);
      for (const [id, text] of texts.entries()) {
        let after: ReturnType<typeof automaton.step> = state;
        for (const byte of text ?? "") after = after && automaton.step(after, byte.charCodeAt(0));
        const isIn = Boolean(((mask[id >> 5] as number) >>> (id & 31)) & 1);
        expect(isIn).toBe(text !== undefined && text !== "" && after !== null);
      }
      state = automaton.step(state, unit.charCodeAt(0)) as typeof state;
    }
  });

  test("a vocabulary that cannot spell what must be written is refused", () => {
    const lacking = new Vocabulary(["a", "b", '"']);
    const alphabet = lacking.alphabet() as number[];
    expect(() => restrictGrammar(compileSchema({ type: "object" }), alphabet)).toThrow(
      "no tokens that spell { } [ ] , :",
    );
    const strings = new Automaton(
      restrictGrammar(compileSchema({ type: "string", minLength: 2, maxLength: 3 }), alphabet),
    );
    expect(takes(strings, '"ab"')).toBe(true);
    expect(takes(strings, '"ac"')).toBe(false);
  });
});
