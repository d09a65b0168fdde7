import { expect, test } from "vitest";
import { Random } from "../../common/index.ts";
import { compositions, drawTask, examplesOf, heldOutItems } from "./index.ts";
import { drawFunction, type FunctionName, families, primitives } from "./string-functions.ts";
import { mixedCase, randomWord } from "./words.ts";

test.each<[keyof typeof primitives, string]>([
  ["copy", "Maize"],
  ["reverse", "eziaM"],
  ["upper", "MAIZE"],
  ["lower", "maize"],
  ["swapCase", "mAIZE"],
  ["capitalize", "Maize"],
  ["capitalizeLast", "MaizE"],
  ["withoutFirst", "aize"],
  ["withoutLast", "Maiz"],
  ["first", "M"],
  ["second", "a"],
  ["last", "e"],
  ["firstTwo", "Ma"],
  ["lastTwo", "ze"],
  ["double", "MaizeMaize"],
  ["doubleFirst", "MMaize"],
  ["doubleLast", "Maizee"],
  ["rotateLeft", "aizeM"],
  ["rotateRight", "eMaiz"],
  ["sort", "Maeiz"],
  ["vowels", "aie"],
  ["consonants", "Mz"],
  ["length", "5"],
  ["hyphenate", "M-a-i-z-e"],
  ["next", "Nbjaf"],
  ["nextButOne", "Ockbg"],
  ["previous", "Lzhyd"],
])("%s of Maize is %s", (name, result) => {
  expect(primitives[name]("Maize")).toBe(result);
});

test("no draw of the family append makes an English plural", () => {
  const ends = Array.from({ length: 500 }, (_, i) => families.append(new Random(3, i))("cat"));
  expect(ends.filter((word) => word.endsWith("s"))).toEqual([]);
  expect(new Set(ends).size).toBeGreaterThan(200);
});

test("a composed function that is held out is in no other composition, however it is written", () => {
  const { training, heldOut } = compositions();
  expect(heldOut.length / (heldOut.length + training.length)).toBeGreaterThan(0.1);
  expect(heldOut.length / (heldOut.length + training.length)).toBeLessThan(0.2);
  expect(heldOut).toContainEqual(["first", "upper"]);
  expect(heldOut).toContainEqual(["upper", "first"]);
  const words = Array.from({ length: 200 }, (_, i) => {
    const random = new Random(11, i);
    return mixedCase(randomWord(random), random);
  });
  const isPlain = ([first, second]: readonly [FunctionName, FunctionName]): boolean =>
    first in primitives && second in primitives;
  const key = ([first, second]: readonly [FunctionName, FunctionName]): string => {
    const [inner, outer] = [drawFunction(first, new Random(0)), drawFunction(second, new Random(0))];
    return words.map((word) => outer(inner(word))).join();
  };
  const learned = new Set(training.filter(isPlain).map(key));
  expect(learned.size).toBeGreaterThan(200);
  expect(heldOut.filter((pair) => isPlain(pair) && learned.has(key(pair)))).toEqual([]);
});

test("tasks and examples follow from their seed, and tasks differ", () => {
  const lines = (stream: number): string => {
    const random = new Random(5, stream);
    const [first, second] = examplesOf(drawTask(random), random);
    return JSON.stringify([first, second]);
  };
  expect(lines(1)).toBe(lines(1));
  expect(new Set(Array.from({ length: 100 }, (_, i) => lines(i))).size).toBe(100);
});

test("held-out items are held out, have as many examples as asked for and no single function explains them", () => {
  const names = new Set(compositions().heldOut.map((pair) => pair.join(" ")));
  const items = heldOutItems(100, 8);
  expect(heldOutItems(3, 8)).toEqual(items.slice(0, 3));
  for (const { task, examples, input, output } of items) {
    expect(names).toContain(task);
    expect(new Set([input, ...examples.map((line) => line.input)]).size).toBe(9);
    const explained = Object.values(primitives).filter((apply) =>
      [...examples, { input, output }].every((line) => apply(line.input) === line.output),
    );
    expect(explained).toEqual([]);
  }
});
