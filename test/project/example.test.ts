import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packageRoot } from "../../src/common/node.ts";
import { sharedPath } from "../helpers/fixtures.ts";

const run = promisify(execFile);
const example = join(packageRoot(), "examples/project");
const isBuilt = existsSync(join(packageRoot(), "dist/cli/main.js"));
let work: string;

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), "lectern-example-"));
});

afterEach(() => rm(work, { recursive: true, force: true }));

const WORDS = ["a warm film", "a clever plot", "a fine cast", "a dull film", "a weak plot", "a bad cast"];
const rows = (part: string, count: number): string =>
  `text,label\n${Array.from({ length: count }, (_, i) => `${WORDS[i % 6]} in ${part} ${i},${i % 6 < 3 ? "positive" : "negative"}\n`).join("")}`;

test.skipIf(!isBuilt)(
  "the commands of examples/project run, on a few rows and with sentiment in place of the encoder (needs dist)",
  async () => {
    for (const [part, count] of Object.entries({ train: 24, validation: 12, test: 18 }))
      await writeFile(join(work, `${part}.csv`), rows(part, count));
    await mkdir(join(work, "all-MiniLM-L6-v2"));
    await cp(join(packageRoot(), "models/sentiment"), join(work, "all-MiniLM-L6-v2"), { recursive: true });
    await run(process.execPath, [join(example, "run.mjs"), work, "--brought", "--quick"], { cwd: work });
    const outputs = Object.values(
      JSON.parse(await readFile(join(work, "record.json"), "utf8")) as Record<string, { stdout: string }>,
    ).map(({ stdout }) => stdout);
    const printed = outputs.join("");
    expect(printed).toMatch(/cheapest that passes: \.\/all-MiniLM-L6-v2, adapter \.\/tuned/);
    expect(printed).toMatch(/requests to \/v1\/classify .* 0 failed/);
    expect(printed).toMatch(/1 judgement: 0 up, 1 down, 1 better answer\n1 pair in/);
    expect(await readFile(join(work, "card.md"), "utf8")).toContain("## EU AI Act");
    expect(await readdir(work)).toEqual(expect.arrayContaining(["check.md", "deploy", "pairs.jsonl"]));
  },
  400_000,
);

const data = sharedPath("data");
test.skipIf(!data)("bring.mjs brings the encoder and the rows (skipped without ../shared/data)", async () => {
  const { stdout } = await run(process.execPath, [join(example, "bring.mjs"), data as string, "--rows", "10"], {
    cwd: work,
  });
  expect(stdout).toContain("train.csv: 10 sentences\nvalidation.csv: 872 sentences\ntest.csv: 1821 sentences\n");
  expect((await readFile(join(work, "train.csv"), "utf8")).trimEnd().split("\n")).toHaveLength(11);
  expect(await readdir(join(work, "all-MiniLM-L6-v2"))).toEqual(
    expect.arrayContaining(["README.md", "config.json", "model.safetensors", "tokenizer.json"]),
  );
});
