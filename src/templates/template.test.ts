import { describe, expect, test } from "vitest";
import { Template, TemplateError } from "./index.ts";

const render = (source: string, context: Record<string, unknown> = {}): string => new Template(source).render(context);

function failure(source: string, context: Record<string, unknown> = {}): TemplateError {
  try {
    render(source, context);
  } catch (cause) {
    if (cause instanceof TemplateError) return cause;
    throw cause;
  }
  throw new Error(`${source} did not fail`);
}

describe("a template that wants too much is stopped", () => {
  test.each([
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{{ 'a' * 10**9 }}",
    "{{ [1] * 10**9 }}",
    "{{ 10 ** (10 ** 10) }}",
    "{{ 'a'.center(10**9) }}",
    "{{ 'a'.ljust(10**12) }}",
    "{{ 'a'.zfill(10**10) }}",
    "{{ 'a\\nb' | indent(10**10) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%.1000000000f' % 1.5 }}",
    "{{ '{:1000000000}'.format('a') }}",
    "{{ [1] | batch(10**9, 'x') | list }}",
    "{{ ([1] * 100000) | tojson(indent=1000) }}",
    "{{ ('a' * 1000000).replace('a', 'b' * 1000) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% block a %}{{ self.a() }}{% endblock %}",
    "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(s=(1,)) %}{% for i in range(60) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}{{ {ns.s: 1} }}",
    "{% set ns = namespace(s=[]) %}{% for i in range(99999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
    `{{ 'x' }}${" ".repeat(2 ** 19)}`,
  ])("%s", (source) => {
    expect(failure(source).kind).toBe("limit");
  });

  test("a range is at most as long as the sandbox of jinja2 allows", () => {
    expect(failure("{% for i in range(200000000) %}{% endfor %}").message).toContain("Range too big");
    expect(render("{{ range(100000) | length }}")).toBe("100000");
  });

  test("a caller's own limits hold", () => {
    const loop = new Template("{% for i in range(1000) %}x{% endfor %}");
    expect(loop.render({})).toBe("x".repeat(1000));
    expect(() => loop.render({}, { limits: { steps: 500 } })).toThrow("more than 500 steps");
    expect(() => loop.render({}, { limits: { length: 999 } })).toThrow("a text of 1000 characters");
    expect(() => loop.render({}, { limits: { memory: 999 } })).toThrow("too much memory");
    expect(() => loop.render({}, { limits: { time: -1 } })).toThrow("takes longer than -1 ms");
  });
});

describe("a template that is nested too deep is refused", () => {
  test.each([
    ["parentheses", `{{ ${"(".repeat(20000)}1${")".repeat(20000)} }}`],
    ["lists", `{{ ${"[".repeat(20000)} }}`],
    ["negations", `{{ ${"not ".repeat(20000)}1 }}`],
    ["signs", `{{ ${"-".repeat(20000)}1 }}`],
    ["conditions", "{% if 1 %}".repeat(20000)],
    ["sums", `{{ 1${"+1".repeat(20000)} }}`],
    ["attributes", `{{ a${".b".repeat(20000)} }}`],
    ["filters", `{{ 1${"|string".repeat(20000)} }}`],
  ])("%s", (_, source) => {
    expect(failure(source).kind).toBe("syntax");
  });

  test("a value that holds itself is refused", () => {
    const value: unknown[] = [];
    value.push(value);
    expect(failure("{{ x }}", { x: value }).kind).toBe("limit");
  });
});

describe("partials", () => {
  const partials = {
    greeting: "Hello {{ name }}{% set name = 'inner' %}!",
    list: "{% for x in items %}{% include 'item' %}{% endfor %}",
    item: "[{{ loop is defined }} {{ x }} {{ tail }}]",
    self: "{% include 'other' %}",
    other: "{% include 'self' %}",
  };
  const render = (source: string, context = {}): string => new Template(source, partials).render(context);

  // Values of jinja2 3.1.6 with a DictLoader of the same templates.
  test("see the names around them and keep to themselves what they set", () => {
    expect(render("{% include 'greeting' %} {{ name }}", { name: "Ann" })).toBe("Hello Ann! Ann");
    expect(render("{% set name = 'Bo' %}{% include 'greeting' %}")).toBe("Hello Bo!");
    expect(render("{% include 'list' %}", { items: [1, 2], tail: "t" })).toBe("[False 1 t][False 2 t]");
    const looped = "{% for x in items %}{{ loop.index }}{% include 'item' %}{% endfor %}";
    expect(render(looped, { items: [1, 2], tail: "t" })).toBe("1[True 1 t]2[True 2 t]");
    expect(render("{% include 'greeting' without context %}", { name: "Ann" })).toBe("Hello !");
    expect(render("a{% include 'none' ignore missing %}b")).toBe("ab");
  });

  test("that include themselves are refused, and names that are not there", () => {
    expect(() => render("{% include 'self' %}")).toThrow("partial 'self' includes itself: self → other → self");
    expect(() => render("{% include 'none' %}")).toThrow("no loader");
    expect(() => render("{% include '../secret' %}")).toThrow("no loader");
    expect(() => render("{% include toString %}", { toString: "greeting" })).toThrow("no loader");
  });

  test("add what they read to the template's variables", () => {
    const variables = (source: string): string[] => new Template(source, partials).variables;
    expect(variables("{% include 'list' %}{{ range(3) }}")).toEqual(["items", "loop", "tail"]);
    expect(variables("{% set a = b %}{{ a }}{% for x in c if x.d %}{{ x }}{{ loop.index }}{% endfor %}")).toEqual([
      "b",
      "c",
    ]);
    expect(
      variables("{% macro m(p) %}{{ p }}{{ q }}{% endmacro %}{{ m(1) }}{% if r %}{% set s = 1 %}{% endif %}{{ s }}"),
    ).toEqual(["q", "r", "s"]);
  });
});

test("an error says where in the template it is", () => {
  expect(failure("a\n{% if true %}\n  {{ x.y }}{% endif %}")).toMatchObject({ line: 3, message: "'x' is undefined" });
  expect(failure("{% macro m() %}\n{{ 1 / 0 }}{% endmacro %}\n\n{{ m() }}").line).toBe(2);
  expect(failure("a\n{{ b c }}").line).toBe(2);
  expect(failure("{% if true %}\n{% endfor %}").message).toContain("Encountered unknown tag 'endfor'");
});

test("values of JavaScript are values of Python", () => {
  const values = [1, 1.5, -0, 2 ** 60, 12n, null, undefined, true, "a", new Map([[1, "x"]]), new Date(0), () => 1];
  expect(render("{{ x }}", { x: values })).toBe(
    "[1, 1.5, -0.0, 1152921504606846976, 12, None, None, True, 'a', {1: 'x'}, '<Date>', '<function>']",
  );
  expect(
    render("{{ x }} {{ x.constructor is defined }} {{ x.__proto__ is defined }}", { x: { a: 1, b: undefined } }),
  ).toBe("{'a': 1} False False");
  expect(render("{{ x.__proto__ }}", { x: JSON.parse('{"__proto__": 1}') })).toBe("");
  expect(render("{{ toString is defined }} {{ 'toString' is filter }} {{ 'constructor' is test }}")).toBe(
    "False False False",
  );
  expect(failure("{{ 1 | constructor }}").message).toBe("No filter named 'constructor'.");
});

test("a watcher hears of what is read in parts and what is written as a whole", () => {
  const [read, whole, both] = [["a"], ["b"], [{ c: 1 }]];
  const heard: [string, object][] = [];
  new Template("{% for x in read %}{{ x }}{% endfor %}{{ whole }}{{ both[0] | tojson }}").render(
    { read, whole, both },
    {
      watch: {
        iterated: (value) => heard.push(["iterated", value]),
        printed: (value) => heard.push(["printed", value]),
      },
    },
  );
  expect(heard).toEqual([
    ["iterated", read],
    ["printed", whole],
    ["iterated", both],
    ["printed", both[0]],
  ]);
});

test("white space is kept as by jinja2 without trim_blocks, lstrip_blocks and with keep_trailing_newline", () => {
  const cases = [
    ["a\n{% if true %}\n  b\n  {% endif %}\nc\n", "a\n\n  b\n  \nc\n"],
    ["x {# note #}\ny\n", "x \ny\n"],
    ["{%- if true -%}\n a {% endif -%}\n b\n", "a b\n"],
    ["{% raw %}\n{{ x }}\n{% endraw %}\nz\n", "\n{{ x }}\n\nz\n"],
    ["a\n  {{- ' b' -}}\n c\n\n", "a bc\n\n"],
    ["{% for i in [1,2] %}\n- {{ i }}\n{% endfor %}\n", "\n- 1\n\n- 2\n\n"],
  ] as const;
  for (const [source, expected] of cases)
    expect(new Template(source, {}, { whitespace: "kept" }).render({})).toBe(expected);
});

test("a strict rendering fails where an undefined value is used, and lets it be tested for", () => {
  const uses = ["{{ x }}", "{% for i in x %}{% endfor %}", "{% if x %}{% endif %}", "{{ x == 1 }}", "{{ x ~ 'a' }}"];
  for (const source of [...uses, "{{ a.b }}", "{{ 1 in [x] }}"])
    expect(() => new Template(source).render({ a: {} }, { strict: true }), source).toThrow(/undefined|no attribute/);
  const tested = "{{ x is defined }} {{ x | default('d') }}";
  expect(new Template(tested).render({}, { strict: true })).toBe("False d");
});
