import { describe, expect, expectTypeOf, test } from "vitest";
import { checkPrompt, definePrompt, parsePrompt } from "./index.ts";

const sentiment = definePrompt({
  name: "sentiment",
  variables: { text: "string", label: { enum: ["negative", "positive"] }, count: { type: "integer", default: 2 } },
  instruction: "Judge {{ count }} reviews.",
  template: "Review: {{ text }}\nSentiment:",
  answer: " {{ label }}",
});

describe("a prompt", () => {
  test("renders its instruction, its examples and its item", () => {
    const { text, parts } = sentiment.render({ text: "so so" }, [{ text: "fine", label: "positive" }]);
    expect(text).toBe("Judge 2 reviews.\n\nReview: fine\nSentiment: positive\n\nReview: so so\nSentiment:");
    expect(parts.map(({ name }) => name)).toEqual(["system", "examples", "question"]);
  });

  test("renders as messages, each example as a turn", () => {
    const chat = definePrompt({ ...sentiment.definition, chat: true });
    expect(chat.render({ text: "so so" }, [{ text: "fine", label: "positive" }]).messages).toEqual([
      { role: "system", content: "Judge 2 reviews." },
      { role: "user", content: "Review: fine\nSentiment:" },
      { role: "assistant", content: "positive" },
      { role: "user", content: "Review: so so\nSentiment:" },
    ]);
  });

  test("has typed values", () => {
    type Values = Parameters<typeof sentiment.render>[0];
    expectTypeOf<Values["text"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Values["label"]>().toEqualTypeOf<"negative" | "positive" | undefined>();
    expectTypeOf<Values["count"]>().toEqualTypeOf<number | undefined>();
  });

  test.each([
    [{}, "prompt sentiment: variable text needs a value of type string"],
    [{ text: 5 }, "prompt sentiment: variable text must be of type string; got 5"],
    [{ text: "a", label: "neutral" }, 'variable label must be one of "negative", "positive"; got "neutral"'],
    [{ text: "a", count: 1.5 }, "variable count must be of type integer; got 1.5"],
    [{ txt: "a" }, "there is no variable txt; did you mean text?"],
  ])("rejects %j", (values, message) => {
    expect(() => sentiment.render(values as never)).toThrow(message);
  });

  test.each([
    [{ template: "{{ text", variables: { text: "string" } }, "prompt: template, line 1:"],
    [{ template: "a", variables: { a: { type: "text" } } }, "variable a: type must be one of string, number"],
    [{ template: "a", variables: { a: { enum: ["x", "x"] } } }, 'variable a: "x" stands twice in its enum'],
    [{ template: "a", variables: { a: { enum: ["x"], default: "y" } } }, 'variable a must be one of "x"; got "y"'],
    [{ template: "a", temperatur: 1 }, "there is no field temperatur; did you mean template?"],
    [{ instruction: "a" }, "template is missing"],
  ])("is not defined by %j", (definition, message) => {
    expect(() => definePrompt(definition as never)).toThrow(message);
  });

  test("stops a template that loops on and on, and cannot read files", () => {
    const endless = definePrompt({
      template: "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    });
    expect(() => endless.render({})).toThrow(/prompt: template.*steps/);
    expect(() => definePrompt({ template: "{% include '/etc/passwd' %}" }).render({})).toThrow("no loader");
    expect(() => definePrompt({ template: "{{ ''.__class__ }}" }).render({})).not.toThrow();
  });

  test("needs answer for examples", () => {
    const plain = definePrompt({ variables: { text: "string" }, template: "{{ text }}" });
    expect(() => plain.render({ text: "a" }, [{ text: "b" }])).toThrow("examples need answer");
  });
});

describe("a file", () => {
  test("holds settings and a template", () => {
    const prompt = parsePrompt(
      "prompts/greet.prompt",
      '---\nversion: 3\nvariables:\n  name: string\n---\n{% include "tone" %}Hello {{ name }}\n',
      { tone: "Gently: " },
    );
    expect(prompt.version).toBe(3);
    expect(prompt.render({ name: "Ann" }).text).toBe("Gently: Hello Ann");
  });

  test("without settings is a template of texts", () => {
    expect(parsePrompt("a.prompt", "Hello {{ name }}\r\n").render({ name: "Bo" }).text).toBe("Hello Bo");
  });

  test.each([
    ["---\nversion: [\n---\nx", "a.prompt, line 3: "],
    ["---\nversion: 1\nx", "no second ---"],
    ["---\n- a\n---\nx", "the settings must be fields"],
    ["---\nversion: 0\n---\nx", "a.prompt: prompt a: version must be a whole number"],
    ["---\nshot: 1\n---\nx", "there is no field shot"],
    ["---\ntemplate: y\n---\nx", "the text below the second --- is the template"],
  ])("%j is rejected", (text, message) => {
    expect(() => parsePrompt("a.prompt", text)).toThrow(message);
  });
});

describe("checkPrompt finds", () => {
  const rules = (definition: object, options = {}): string[] =>
    checkPrompt(definePrompt({ template: "", ...definition } as never), options).map(
      ({ severity, rule }) => `${severity} ${rule}`,
    );

  test("variables that are undefined or unused", () => {
    expect(rules({ template: "{{ a }}{{ b }}", variables: { a: "string", c: "string" } })).toEqual([
      "error undefined-variable",
      "warning unused-variable",
    ]);
    expect(
      rules({ template: "{% for x in a %}{{ x }}{{ loop.index }}{% endfor %}", variables: { a: "array" } }),
    ).toEqual([]);
  });

  test("a space before the answer", () => {
    expect(rules({ template: "Answer: " })).toEqual(["warning trailing-space"]);
    expect(rules({ template: "Answer:" })).toEqual([]);
    expect(rules({ template: "Answer: ", chat: true })).toEqual([]);
  });

  test("examples that repeat or contradict each other, or that have an unknown label", () => {
    const given = { ...sentiment.definition };
    const findings = checkPrompt(definePrompt(given), {
      examples: [
        { text: "fine", label: "positive", source: "web" },
        { text: "fine", label: "negative" },
        { text: "so so", label: "neutral" },
        { label: "positive" },
      ],
    });
    expect(findings.map(({ message }) => message)).toEqual([
      'examples 1 and 2 ask the same and answer differently: "Review: fine\\nSentiment:"',
      'example 3: prompt sentiment: variable label must be one of "negative", "positive"; got "neutral"',
      "example 4: prompt sentiment: variable text needs a value of type string",
    ]);
  });
});
