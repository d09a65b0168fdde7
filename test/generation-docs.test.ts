import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { optionNames, optionTable } from "../src/generation/index.ts";

const pathOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

test("the comments of GenerationOptions are the sentences of the option table, with its defaults", async () => {
  const source = await readFile(pathOf("src/generation/options.ts"), "utf8");
  const commentOf = (name: string): string => {
    const at = source.indexOf(`  readonly ${name}?:`);
    const comment = source.slice(source.lastIndexOf("/**", at), at);
    return comment.replace(/\s*\n\s*\*?\s*/g, " ").replace(/^\/\*\*\s*|\s*\*\/\s*$|\s*\/\s*$/g, "");
  };
  for (const name of optionNames)
    expect(commentOf(name)).toBe(`${optionTable[name].help}. Default: ${optionTable[name].default}.`);
  expect(source.match(/^ {2}readonly \w+\?:/gm)).toHaveLength(optionNames.length);
});

test("every option has a sentence and a default", () => {
  for (const name of optionNames) {
    expect(optionTable[name].help, name).toMatch(/^[A-Z[].{15,}[^.]$/);
    expect(optionTable[name].default, name).not.toBe("");
  }
});

/** `npx vitest run test/generation-docs.test.ts -u` writes the table anew. */
test("docs/generation.md lists every option", async () => {
  const page = await readFile(pathOf("docs/generation.md"), "utf8");
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const rows = [
    ["option", "default", "meaning"],
    ...optionNames.map((name) => [`\`${name}\``, cell(optionTable[name].default), cell(optionTable[name].help)]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lineOf = (row: readonly string[], fill: string): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column] as number, fill)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  const table = [lineOf(head, " "), lineOf(["", "", ""], "-"), ...body.map((row) => lineOf(row, " "))].join("\n");
  const [before, rest = ""] = page.split("<!-- options -->");
  const [, after] = rest.split("<!-- /options -->");
  const whole = `${before}<!-- options -->\n\n${table}\n\n<!-- /options -->${after}`;
  await expect(whole).toMatchFileSnapshot("../docs/generation.md");
});
