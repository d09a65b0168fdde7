import { createWriteStream } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { exampleRows, readExamples, readText } from "../index.ts";

const folder = await mkdtemp(join(tmpdir(), "lectern-"));
const file = async (name: string, content: string | Uint8Array): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
};

test("examples come from objects in memory, and from those that are made on the way", async () => {
  const rows = [{ text: "a", label: 1 }, { text: "b" }];
  const expected = [
    { row: 1, fields: { text: "a", label: 1 } },
    { row: 2, fields: { text: "b" } },
  ];
  expect(await readExamples(rows)).toEqual(expected);
  async function* made(): AsyncGenerator<object> {
    yield* rows;
  }
  expect(await readExamples(made())).toEqual(expected);
  await expect(readExamples([["a"]])).rejects.toThrow("data, row 1: must be an object");
  await expect(readExamples([])).rejects.toThrow("data holds no example");
});

test("a file is read as its rows are taken, however characters lie across pieces", async () => {
  const path = join(folder, "large.jsonl");
  const stream = createWriteStream(path);
  const count = 20_000;
  for (let i = 0; i < count; i++) stream.write(`{"text":"뿌리 ${i} 🌳"}\n`);
  stream.end();
  await finished(stream);
  const taken: unknown[] = [];
  for await (const { fields } of exampleRows(path)) if (taken.push(fields.text) === 3) break;
  expect(taken).toEqual(["뿌리 0 🌳", "뿌리 1 🌳", "뿌리 2 🌳"]);
  const all = await readExamples(path);
  expect(all).toHaveLength(count);
  expect(all.every(({ row, fields }) => fields.text === `뿌리 ${row - 1} 🌳`)).toBe(true);
});

test("a table's rows carry the line they end in", async () => {
  const path = await file("table.csv", 'text,label\n"two\nlines",a\n\nx,b\n');
  expect(await readExamples(path)).toEqual([
    { row: 3, fields: { text: "two\nlines", label: "a" } },
    { row: 5, fields: { text: "x", label: "b" } },
  ]);
});

test.each([
  ["cut.txt.gz", gzipSync("some text ".repeat(1000)).subarray(0, 40), "is no gzip file, or is cut short"],
  ["plain.txt.gz", "no gzip", "is no gzip file, or is cut short"],
  ["latin.txt", Uint8Array.of(0x61, 0xe9), "is not UTF-8 text"],
])("%s is refused", async (name, content, message) => {
  await expect(readText(await file(name, content))).rejects.toThrow(message);
});

test("a file that is not there is named", async () => {
  await expect(readText(join(folder, "none.txt"))).rejects.toThrow("none.txt cannot be read: ENOENT");
});

test("a row of a JSON list that is no object is named", async () => {
  const path = join(folder, "rows.json");
  await writeFile(path, '[{"text": "a"}, null]');
  await expect(readExamples(path)).rejects.toThrow(/rows.json, row 2: must be an object such as .*; got null/);
});

test.each([
  ["semicolons", "semi.csv", "text;label\na, b;x\n"],
  ["tabs", "tabs.csv", "text\tlabel\na, b\tx\n"],
  ["commas, and spaces around a name", "spaces.csv", 'text, label\n"a, b",x\n'],
])("a table is cut by what its header is cut by: %s", async (_, name, content) => {
  expect(await readExamples(await file(name, content))).toEqual([{ row: 2, fields: { text: "a, b", label: "x" } }]);
});

test.each([
  ["a column twice", "twice.csv", "text,text\na,b\n", /twice.csv: the header names the column text twice/],
  ["a quote never closed", "open.csv", 'text,label\na,x\n"b,x\nc,y\n', /open.csv, line 3: a quote is opened/],
  [
    "a row of megabytes",
    "long.csv",
    `text,label\n${"a".repeat(2 ** 22 + 9)},x\n`,
    /line 2: a row must have at most 4194304/,
  ],
  [
    "a quote closed by the next one",
    "late.csv",
    'text,label\na,x\n"b,x\nc,y\n"d",y\n',
    /line 5: text follows a closing quote; .*; the row begins in line 3, perhaps with a quote too many/,
  ],
])("%s is refused where it stands", async (_, name, content, message) => {
  await expect(readExamples(await file(name, content))).rejects.toThrow(message);
});
