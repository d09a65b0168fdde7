import { expect, test } from "vitest";
import { parseJson, parseJsonObject } from "./json.ts";

test("a byte-order mark is left out, and __proto__ is an entry like others", () => {
  expect(parseJson('\ufeff{"a": 1}', "x.json")).toEqual({ a: 1 });
  const parsed = parseJson('{"__proto__": {"polluted": 1}, "constructor": 2}', "x.json");
  expect(Object.keys(parsed as object)).toEqual(["__proto__", "constructor"]);
  expect((parsed as { polluted?: number }).polluted).toBeUndefined();
});

test("brackets within texts do not count, those outside do, to a depth of 200", () => {
  expect(parseJson(`"${"[".repeat(1000)}\\"${"[".repeat(1000)}"`, "x.json")).toHaveLength(2001);
  expect(() => parseJson("[".repeat(200) + "]".repeat(200), "x.json")).not.toThrow();
  expect(() => parseJson("[".repeat(201) + "]".repeat(201), "x.json")).toThrow("x.json is nested deeper than 200");
  expect(() => parseJson('{"a":'.repeat(1e6), "x.json")).toThrow("x.json is nested deeper than 200");
});

test.each([
  ["", "x.json is not JSON"],
  ["{", "x.json is not JSON"],
  ["{'a': NaN}", "x.json is not JSON"],
  ["<!doctype html>", "it looks like a web page"],
  ["version https://git-lfs.github.com/spec/v1\n", "it is a pointer of Git LFS"],
  ["[]", "x.json must hold an object"],
  ["null", "x.json must hold an object"],
])("%j is refused: %s", (text, message) => {
  expect(() => parseJsonObject(text, "x.json")).toThrow(message);
});

test("numbers that Python writes beside JSON's are read as transformers writes them, in texts they are text", () => {
  const text = '{"limit": [0.0, Infinity], "least": -Infinity, "none": NaN, "name": "Infinity \\" NaN"}';
  expect(parseJson(text, "config.json")).toEqual({
    limit: [0, { __float__: "Infinity" }],
    least: { __float__: "-Infinity" },
    none: { __float__: "NaN" },
    name: 'Infinity " NaN',
  });
  expect(() => parseJson("{Infinity}", "config.json")).toThrow("config.json is not JSON");
});
