import { describe, expect, test } from "vitest";
import { chunksOf, LONGEST_HEADING } from "./chunks.ts";
import { termsOf } from "./words.ts";

const words = (text: string): number => termsOf(text).length;
const options = { size: 12, overlap: 3, count: words };

const PAGE = `# Birds

Crows solve puzzles with sticks and remember faces for years.

## Owls

Owls hear mice under snow.
They turn their heads far.

\`\`\`sh
# not a heading
owl --hunt
\`\`\`

## Swifts

Swifts sleep in the air, and land only to breed, for ten months of every year of their lives.
`;

describe("chunks of a text", () => {
  test("are no larger than the size, and lie in the lines that they name", () => {
    const lines = PAGE.split("\n");
    const chunks = chunksOf(PAGE, options);
    for (const { from, to, text } of chunks) {
      expect(words(text)).toBeLessThanOrEqual(12);
      expect(lines.slice(from - 1, to).join("\n")).toContain(text);
    }
    const all = chunks.map(({ text }) => text).join("\n");
    for (const word of new Set(termsOf(PAGE))) expect(termsOf(all)).toContain(word);
  });

  test("carry the headings above them, and a comment in a fence is none", () => {
    const chunks = chunksOf(PAGE, options);
    const headingOf = (part: string) => chunks.find(({ text }) => text.includes(part))?.heading;
    expect(headingOf("remember faces")).toBeUndefined(); // the heading is in the chunk
    expect(headingOf("Owls hear")).toBe("Birds");
    expect(headingOf("owl --hunt")).toBe("Birds › Owls");
    expect(headingOf("every year of their")).toBe("Birds › Swifts");
  });

  test("leave out the highest headings where all are too long", () => {
    const long = `# ${"word ".repeat(LONGEST_HEADING)}\n\n## Short\n\n${"body ".repeat(10)}\n\n${"more ".repeat(10)}`;
    expect(chunksOf(long, options).at(-1)?.heading).toBe("Short");
  });

  test("repeat whole lines of the one before", () => {
    const text = Array.from({ length: 9 }, (_, i) => `line ${i} has five words`).join("\n");
    const [first, second] = chunksOf(text, { size: 15, overlap: 5, count: words });
    expect([first?.from, first?.to, second?.from]).toEqual([1, 3, 3]);
  });

  test("cut a line that is too long between words, and a text without spaces between code points", () => {
    const line = chunksOf("word ".repeat(40), options);
    expect(line.length).toBeGreaterThan(3);
    expect(line.every(({ from, to, text }) => from === 1 && to === 1 && /^(word ?)+$/.test(text))).toBe(true);
    const emoji = chunksOf("😀".repeat(50), { size: 7, overlap: 0, count: (text) => [...text].length });
    expect(emoji.map(({ text }) => text).join("")).toBe("😀".repeat(50));
    expect(emoji.every(({ text }) => [...text].length <= 7 && text.isWellFormed())).toBe(true);
  });

  test.each(["", "\n\n", "  \n\t\n"])("are none of %j", (text) => {
    expect(chunksOf(text, options)).toEqual([]);
  });
});

test("terms are words in lower case, and pairs of characters in Chinese, Japanese and Korean", () => {
  expect(termsOf("The max_tokens of GPT-2, naïve")).toEqual(["the", "max_tokens", "of", "gpt", "2", "naïve"]);
  expect(termsOf("토큰을 세다")).toEqual(["토큰", "큰을", "세다"]);
  expect(termsOf("猫")).toEqual(["猫"]);
});
