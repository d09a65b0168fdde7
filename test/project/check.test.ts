import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/common/node.ts";
import { type CliResult, cli } from "../helpers/cli.ts";

let folder: string;

// The modules of all commands are compiled once, before the tests' own times count.
beforeAll(() => Promise.all([import("../../src/cli/lazy/project.ts"), import("../../src/cli/project.ts")]), 300_000);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-project-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const TEXTS = [
  ["a joy to watch", "positive"],
  ["dull and far too long", "negative"],
  ["warm and funny from the first scene to the last", "positive"],
  ["the jokes are old and the end is bad", "negative"],
  ["a clever and moving story", "positive"],
  ["a waste of an evening", "negative"],
  ["one of the best films of the year", "positive"],
  ["the worst film of the year", "negative"],
] as const;

const rows = (pairs: readonly (readonly [string, string])[]): string =>
  pairs.map(([text, label]) => `${JSON.stringify({ text, label })}\n`).join("");

const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);

/** Writes a project file. */
const project = (fields: object = {}): Promise<void> =>
  write(
    "lectern.project.json",
    JSON.stringify({
      goal: "Tell good reviews from bad ones",
      task: "text-classification",
      test: "test.jsonl",
      choice: { model: "sentiment" },
      ...fields,
    }),
  );

const run = (command: string, ...args: string[]): Promise<CliResult> =>
  cli(["project", command, "--project", folder, ...args]);

/** The parts of `check --json` that tests read one by one. */
interface CheckDocument {
  readonly gates: readonly { readonly value: number; readonly state: string }[];
  readonly warnings: readonly string[];
  readonly overlap: unknown;
}

async function checked(...args: string[]): Promise<{ code: number; json: CheckDocument; err: string }> {
  const { code, out, err } = await run("check", "--json", ...args);
  return { code, json: JSON.parse(out), err };
}

test("from flags to the first passing gate, in ten lines of file at most", async () => {
  await write("test.jsonl", rows(TEXTS));
  const test = join(folder, "test.jsonl");
  const flags = ["--goal", "Tell good reviews from bad ones", "--model", "sentiment", "--test", test];
  const { code } = await cli(["project", "init", ...flags, "--folder", folder]);
  expect(code).toBe(0);
  const written = await readFile(join(folder, "lectern.project.json"), "utf8");
  expect(written.trim().split("\n").length).toBeLessThanOrEqual(10);
  expect(written).toContain('"test": "./test.jsonl"');
  const first = await checked();
  expect(first.code).toBe(0);
  expect(first.json).toMatchObject({
    passed: true,
    baseline: null,
    n: 8,
    gates: [{ name: "acc ≥ baseline − 0.02", state: "pass", value: 1, baseline: 1 }],
    measured: ["quality of sentiment"],
  });
  const second = await checked();
  expect(second.json).toMatchObject({ passed: true, baseline: "sentiment", measured: [] });
  expect((await cli(["project", "init", ...flags, "--folder", folder])).err).toContain("--force replaces it");
}, 120_000);

test("init asks nothing without a terminal, and names the flags that are missing", async () => {
  const { code, err } = await cli(["project", "init", "--goal", "g", "--folder", folder]);
  expect(code).toBe(2);
  expect(err).toContain("--model and --test are missing");
});

test("a gate fails with exit code 1, an undecided one with 3 and the items that it takes; reports tell both", async () => {
  await write("test.jsonl", rows([...TEXTS, ["so bad that it is good", "positive"]]));
  await project({ gates: [{ metric: "acc", min: 0.95 }] });
  const undecided = await checked("--junit", join(folder, "r.xml"), "--markdown", join(folder, "r.md"));
  const value = undecided.json.gates[0]?.value ?? 0;
  expect(value).toBeGreaterThan(0.7);
  await project({ gates: [{ metric: "acc", max: 0.2 }] });
  const failed = await checked("--junit", join(folder, "f.xml"));
  expect(failed.code).toBe(1);
  expect(failed.json).toMatchObject({ passed: false, gates: [{ name: "acc ≤ 0.2", state: "fail" }], measured: [] });
  expect(await readFile(join(folder, "f.xml"), "utf8")).toMatch(
    /<testsuite name="Tell good.*failures="1"[\s\S]*<failure message=/,
  );
  expect(undecided.code).toBe(3);
  expect(undecided.json.gates[0]).toMatchObject({ state: "undecided", itemsNeeded: expect.any(Number) });
  expect(await readFile(join(folder, "r.xml"), "utf8")).toContain("<skipped message=");
  expect(await readFile(join(folder, "r.md"), "utf8")).toContain("❔ undecided");
}, 120_000);

test("another setup is compared with the baseline on the same items, and the baseline is measured anew on new ones", async () => {
  await write("test.jsonl", rows(TEXTS));
  await project({ gates: [{ metric: "acc", margin: 0.5 }] });
  await checked();
  await project({ gates: [{ metric: "acc", margin: 0.5 }], choice: { model: "sentiment", precision: "int8" } });
  expect((await checked()).json).toMatchObject({ baseline: "sentiment", measured: ["quality of sentiment, int8"] });
  await write("test.jsonl", rows([...TEXTS].slice(2)));
  expect((await checked()).json).toMatchObject({
    n: 6,
    measured: ["quality of sentiment, int8", "quality of sentiment"],
  });
}, 120_000);

describe("bad input", () => {
  test("a prompt that reads a name which is no variable", async () => {
    const text =
      "---\nvariables:\n  text: string\n  label: { type: string, enum: [positive, negative] }\nanswer: ' {{ label }}'\n---\n{{ txt }}:";
    await writeFile(join(folder, "bad.prompt"), text);
    await write("test.jsonl", rows(TEXTS));
    await project({ choice: { model: "stories", prompt: "./bad.prompt" } });
    expect((await run("check")).err).toMatch(/bad\.prompt: the template reads txt.*\(undefined-variable\)/);
  });

  test("a table in another encoding, and one with a column that stands twice", async () => {
    const table = join(folder, "test.csv");
    await project({ test: "test.csv" });
    await writeFile(table, Buffer.from("text,label\nun caf\xe9,positive\n", "latin1"));
    expect((await run("check")).err).toContain("test.csv: not UTF-8");
    await writeFile(table, "text,text,label\na joy,x,positive\n");
    expect((await run("check")).err).toContain("there are two columns text");
  });

  test("a task that there is not", async () => {
    await project({ task: "text-clasification" });
    expect((await run("check")).err).toMatch(
      /lectern\.project\.json: task: there is no task text-clasification.*text-classification/,
    );
  });

  test("a gate on a metric that the task lacks", async () => {
    await write("test.jsonl", rows(TEXTS));
    await project({ gates: [{ metric: "bleu" }] });
    const { code, err } = await run("check");
    expect(code).toBe(1);
    expect(err).toMatch(/gates: task text-classification: metric bleu does not fit/);
    await project({ gates: [{ metric: "accuracy" }] });
    expect((await run("check")).err).toMatch(/metric accuracy is not available/);
    await project({
      task: "opinions",
      test: undefined,
      choice: { model: "stories" },
      gates: [{ metric: "exact_match" }],
    });
    expect((await run("check")).err).toMatch(/the task opinions has no metric exact_match; known are acc, f1_macro/);
  });

  test("an empty test set, rows without a label, and a label that the model lacks", async () => {
    await write("test.jsonl", "\n");
    await project();
    expect((await run("check")).err).toContain("holds no row");
    await write("test.jsonl", '{"text":"a"}\n');
    expect((await run("check")).err).toMatch(/row 1: there is no label; the columns are text/);
    await write("test.jsonl", '{"text":"a","label":"mixed"}\n');
    expect((await run("check")).err).toMatch(/row 1: the model has no label mixed; its labels are negative, positive/);
  }, 60_000);

  test("a file that is no JSON, and an unknown key", async () => {
    await write("lectern.project.json", '{\n  // a comment\n  "goal": ,\n}');
    expect((await run("status")).err).toMatch(/lectern\.project\.json, line 3, column \d+: not JSON: ValueExpected/);
    await project({ gate: [] });
    expect((await run("status")).err).toMatch(/Unrecognized key: "gate"; did you mean gates\?/);
    await rm(join(folder, "lectern.project.json"));
    expect((await run("status")).err).toContain("lectern project init writes one");
  });

  test("test items in the training data are said with their rows", async () => {
    await write("test.jsonl", rows(TEXTS));
    await write(
      "train.jsonl",
      rows([
        ["something else", "positive"],
        ["Dull  and far too LONG", "negative"],
      ]),
    );
    await project({ train: "train.jsonl" });
    const { json, err } = await checked();
    expect(json.overlap).toEqual([{ test: 2, train: 2 }]);
    expect((await run("check")).err).toContain("1 test item stands in the training data");
    expect(err).toBe("");
  }, 60_000);

  test("half-written evidence is measured again, and a damaged baseline stops the check", async () => {
    await write("test.jsonl", rows(TEXTS));
    await project();
    await checked();
    const evidence = join(folder, ".lectern/evidence");
    const [name] = await readdir(evidence);
    const path = join(evidence, name as string);
    await writeFile(path, (await readFile(path, "utf8")).slice(0, 200));
    const again = await checked();
    expect(again.json).toMatchObject({ passed: true, measured: ["quality of sentiment"] });
    expect(again.json.warnings[0]).toMatch(/is damaged: it counts as missing/);
    await write(".lectern/baseline.json", '{"setup":');
    const { code, err } = await run("check");
    expect(code).toBe(1);
    expect(err).toMatch(/baseline\.json is damaged.*--update-baseline/);
    expect((await checked("--update-baseline")).json).toMatchObject({ passed: true, baseline: null });
  }, 60_000);

  test("two runs at once", async () => {
    await write("test.jsonl", rows(TEXTS));
    await project();
    const both = await Promise.all([run("check"), run("check")]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(both.map(({ err }) => err).join("")).toContain(`process ${process.pid} is measuring this project`);
  }, 60_000);

  test("a moved project goes on; a model that disappeared is said, and so is a baseline that cannot be measured again", async () => {
    await cp(join(packageRoot(), "models/sentiment"), join(folder, "model"), { recursive: true });
    await write("test.jsonl", rows(TEXTS));
    await project({ choice: { model: "./model" } });
    await checked();
    const moved = `${folder}-moved`;
    await rename(folder, moved);
    folder = moved;
    expect((await checked()).json).toMatchObject({ measured: [], baseline: "./model" });
    await rm(join(folder, "model"), { recursive: true });
    const gone = await run("check");
    expect(gone.code).toBe(1);
    expect(gone.err).toMatch(/the model of this setup is not on this machine \(\.\/model\)/);
    expect((await run("status")).out).toMatch(/adapt +fault +quality of \.\/model/);
    await project({ choice: { model: "sentiment" } });
    await write("test.jsonl", rows(TEXTS.slice(1)));
    const lost = await run("check");
    expect(lost.err).toMatch(/measured on other items \(8 then, 7 now\), and its setup cannot be measured again/);
  }, 120_000);
});

test("status tells what is stale and why", async () => {
  await mkdir(join(folder, "deep"));
  await write("test.jsonl", rows(TEXTS));
  await project();
  expect((await run("status")).out).toMatch(/adapt +missing +quality of sentiment/);
  await checked();
  const { out } = await cli(["project", "status", "--project", join(folder, "deep"), "--json"]);
  expect(JSON.parse(out).evidence).toContainEqual(
    expect.objectContaining({ stage: "adapt", what: "quality of sentiment", state: "fresh", changed: [] }),
  );
  await write("test.jsonl", rows(TEXTS.slice(1)));
  expect((await run("status")).out).toMatch(/adapt +stale +quality of sentiment .*since then changed: data/);
}, 60_000);
