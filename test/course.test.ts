import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CourseStep, openFolder, pages, runStep, stepsOf } from "../scripts/course.mjs";
import { views } from "../web/src/state.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const [english, korean] = pages.map((path) => readFileSync(path, "utf8")) as [string, string];
const steps = stepsOf(english);

/** What trainings print follows the machine's arithmetic in every digit; other numbers within 2 %. */
const TOLERANCE = 0.02;
const NUMBER = /\d+(?:\.\d+)?/g;
const isTrained = ({ code }: CourseStep): boolean => /finetune|topics/.test(code);
/** Bars are as long as the numbers beside them say. */
const wordsOf = (text: string): string =>
  text
    .replace(/ *[▏▎▍▌▋▊▉█]+/g, "")
    .replace(NUMBER, "#")
    .replace(/ +/g, " ");
const numbersOf = (text: string): number[] => [...text.matchAll(NUMBER)].map(([number]) => Number(number));

describe("the course", () => {
  test("has the same code and the same output in both languages", () => {
    expect(stepsOf(korean)).toEqual(steps);
    expect(steps.every(({ output }) => output !== undefined)).toBe(true);
  });

  test("has the same links into the studio in both languages, each in its own, to views that there are", () => {
    const linksOf = (page: string): URLSearchParams[] =>
      [...page.matchAll(/\(http:\/\/127\.0\.0\.1:4040\/#([^)]+)\)/g)].map(([, link]) => new URLSearchParams(link));
    const [own, translated] = [linksOf(english), linksOf(korean)];
    expect(own.length).toBeGreaterThan(10);
    for (const link of own) expect(views).toContain(link.get("view"));
    for (const link of translated) {
      expect(link.get("lang")).toBe("ko");
      link.delete("lang");
    }
    expect(translated.map(String)).toEqual(own.map(String));
  });
});

describe.skipIf(!existsSync(join(root, "dist/cli/main.js")))("(skipped until `npm run build` has run)", () => {
  let clone: ReturnType<typeof openFolder>;
  beforeAll(() => {
    clone = openFolder();
  });
  afterAll(() => clone.close());

  test.each(steps)("the course prints what it says: $code", { timeout: 300_000 }, (step) => {
    const [printed, shown] = [runStep(step, clone.folder), step.output as string];
    if (isTrained(step)) return expect(wordsOf(printed).split(" ").length).toBe(wordsOf(shown).split(" ").length);
    expect(wordsOf(printed)).toBe(wordsOf(shown));
    for (const [i, number] of numbersOf(printed).entries()) {
      const expected = numbersOf(shown)[i] as number;
      expect(Math.abs(number - expected), printed).toBeLessThanOrEqual(TOLERANCE * expected + 0.01);
    }
  });
});
