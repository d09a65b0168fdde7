import { describe, expect, test } from "vitest";
import { parseLiteral } from "./literal.ts";
import { PythonRandom } from "./mersenne.ts";
import { findAll, pythonRegex } from "./regex.ts";

describe("PythonRandom draws as random.Random of Python 3.11", () => {
  test.each([
    [
      1234,
      10,
      2,
      [
        [7, 1],
        [0, 1],
        [9, 0],
      ],
    ],
    [
      1234,
      100,
      6,
      [
        [99, 56, 14, 0, 11, 74],
        [4, 85, 88, 10, 12, 98],
      ],
    ],
    [
      0,
      21,
      5,
      [
        [12, 13, 1, 8, 16],
        [15, 12, 9, 20, 11],
      ],
    ],
    [
      42,
      5000,
      5,
      [
        [912, 204, 2253, 2006, 1828],
        [1143, 839, 4467, 712, 4837],
        [3456, 260, 244, 767, 1791],
      ],
    ],
    [2 ** 40 + 7, 30, 8, [[19, 23, 26, 20, 18, 22, 15, 8]]],
    [1234, 7, 7, [[6, 3, 0, 4, 5, 2, 1]]],
  ])("seed %i, sample of %i", (seed, size, count, draws) => {
    const random = new PythonRandom(seed);
    const items = Array.from({ length: size }, (_, i) => i);
    for (const draw of draws) expect(random.sample(items, count)).toEqual(draw);
  });

  test("numbers from 0 to 1", () => {
    const random = new PythonRandom(7);
    for (const expected of [0.32383276483316237, 0.15084917392450192, 0.6509344730398537])
      expect(random.random()).toBe(expected);
  });
});

test("literals of Python are read, and nothing else", () => {
  expect(parseLiteral("['a', \"b'c\", 'd\\n\\u00e9' 'e',]")).toEqual(["a", "b'c", "d\né" + "e"]);
  expect(parseLiteral("(1, -2.5, None, True)")).toEqual([1, -2.5, null, true]);
  expect(parseLiteral("{'a': [1]}")).toEqual(new Map([["a", [1]]]));
  for (const text of ["", "open('x')", "[1", "'a", "1 2", "a"]) expect(parseLiteral(text)).toBeUndefined();
});

test("regular expressions of Python match as they do there", () => {
  const find = (pattern: string, text: string) => findAll(pythonRegex(pattern, "regex"), text);
  expect(find("#### (\\-?[0-9\\.\\,]+)", "so #### -1,234.5 or #### 7")).toEqual(["-1,234.5", "7"]);
  expect(find("(?P<a>\\w+)-(?P=a)", "né-né x-y")).toEqual(["né"]);
  expect(find("(?i)answer is \\(?([a-d])\\)?", "The Answer is (B).")).toEqual(["B"]);
  expect(find("(a)|(b)", "ab")).toEqual([
    ["a", ""],
    ["", "b"],
  ]);
  expect(find("\\d+$", "1\n22\n")).toEqual(["22"]);
  expect(() => pythonRegex("(", "filter regex")).toThrow(/filter regex: \( is no regular expression/);
});
