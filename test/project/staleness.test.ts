import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../src/common/node.ts";
import { readProject, type Setup } from "../../src/project/index.ts";
import {
  changedInputs,
  dependencies,
  type EvidenceKind,
  type InputName,
  type Inputs,
  inputsOf,
} from "../../src/project/inputs.ts";
import { locateSetup } from "../../src/project/located.ts";
import { EvidenceStore } from "../../src/project/store.ts";

const kinds = Object.keys(dependencies) as EvidenceKind[];
let folder: string;

const rows = (texts: readonly string[]): string =>
  texts.map((text, i) => `${JSON.stringify({ text, label: i % 2 === 0 ? "positive" : "negative" })}\n`).join("");

const PROMPT = `---
variables:
  text: string
  label: { type: string, enum: [positive, negative] }
answer: " {{ label }}"
---
Review: {{ text }}
Verdict:`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-stale-"));
  for (const name of ["model", "adapter"])
    await cp(join(packageRoot(), "models/sentiment"), join(folder, name), { recursive: true });
  await writeFile(join(folder, "test.jsonl"), rows(["a joy", "a bore", "a delight", "a waste"]));
  await writeFile(join(folder, "train.jsonl"), rows(["so good", "so bad", "great", "awful"]));
  await writeFile(join(folder, "review.prompt"), PROMPT);
  await inputsNow(setup);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const edit = (name: string, change: (text: string) => string) => async (): Promise<void> => {
  const path = join(folder, name);
  await writeFile(path, change(await readFile(path, "utf8")));
};

const setup: Setup = { model: "./model", prompt: "./review.prompt", shots: 2 };
const file = {
  goal: "Tell good reviews from bad ones",
  task: "text-classification",
  test: "test.jsonl",
  train: "train.jsonl",
  gates: [] as object[],
  choice: setup,
};

async function inputsNow(own: Setup, change: object = {}): Promise<Inputs> {
  await writeFile(join(folder, "lectern.project.json"), JSON.stringify({ ...file, ...change, choice: own }));
  const project = readProject(folder);
  return inputsOf(project, own, await locateSetup(project, own));
}

interface Change {
  readonly what: string;
  readonly stale: readonly EvidenceKind[];
  readonly edit?: () => Promise<void>;
  readonly setup?: Partial<Setup>;
  readonly file?: Partial<typeof file>;
  /** Inputs that a test cannot change otherwise. */
  readonly inputs?: Partial<Inputs>;
}

const all = kinds;
const table: readonly Change[] = [
  { what: "nothing", stale: [] },
  {
    what: "a test item",
    stale: ["quality", "speed", "settings", "overlap"],
    edit: edit("test.jsonl", (text) => text.replace("a bore", "a yawn")),
  },
  {
    what: "the order of a row's columns and spaces",
    stale: [],
    edit: edit("test.jsonl", (text) =>
      text.replaceAll(/\{"text":(".*?"),"label":(".*?")\}/g, '{ "text": $1, "label": $2 }'),
    ),
  },
  {
    what: "a training row that is an example in the prompt",
    stale: ["quality", "speed", "settings", "overlap", "training"],
    edit: edit("train.jsonl", (text) =>
      text.replaceAll(/so good|great/g, "very good").replaceAll(/so bad|awful/g, "very bad"),
    ),
  },
  {
    what: "the prompt",
    stale: ["quality", "speed", "settings", "training"],
    edit: edit("review.prompt", (text) => text.replace("Verdict", "Opinion")),
  },
  { what: "the number of shots", stale: ["quality", "speed", "settings"], setup: { shots: 0 } },
  {
    what: "the model's files",
    stale: ["quality", "speed", "settings", "deployment", "facts", "training"],
    edit: edit("model/config.json", (text) => text.replace("{", '{ "note": 1,')),
  },
  {
    what: "the adapter",
    stale: ["quality", "speed", "settings", "deployment", "facts"],
    setup: { adapter: "./adapter" },
  },
  { what: "the precision", stale: ["quality", "speed", "deployment"], setup: { precision: "int8" } },
  { what: "the threads", stale: ["speed", "training"], setup: { threads: 1 } },
  { what: "the batch size", stale: ["speed"], setup: { batchSize: 4 } },
  { what: "a gate's margin", stale: [], file: { gates: [{ metric: "acc", margin: 0.1 }] } },
  {
    what: "a gate on a further metric",
    stale: ["quality", "speed", "settings"],
    file: { gates: [{ metric: "brier_score" }] },
  },
  { what: "the goal", stale: [], file: { goal: "Another goal" } },
  { what: "Lectern", stale: all.filter((kind) => kind !== "overlap"), inputs: { lectern: "9.9.9" } },
  { what: "the machine", stale: ["speed", "settings", "training"], inputs: { machine: "another" } },
];

test.each(table)(
  "$what changed: $stale",
  async ({ stale, edit: change, setup: own, file: changed, inputs: further }) => {
    const store = new EvidenceStore(readProject(folder));
    const before = await inputsNow(setup);
    for (const kind of kinds) await store.add(kind, before, { subject: "before", model: setup.model, result: {} });
    await change?.();
    const after = { ...(await inputsNow({ ...setup, ...own }, changed)), ...further };
    const found = kinds.filter((kind) => store.find(kind, setup.model, after).state !== "fresh");
    expect(found).toEqual(kinds.filter((kind) => stale.includes(kind)));
    await rm(join(folder, ".lectern"), { recursive: true });
  },
);

test("questions about a folder depend on its texts, on the questions and on the reader", async () => {
  const about = { task: "ask", corpus: "texts", test: "questions.jsonl" };
  await mkdir(join(folder, "texts"));
  await writeFile(join(folder, "texts/a.md"), "Never.\n");
  await writeFile(join(folder, "texts/b.csv"), "not read\n");
  await writeFile(join(folder, "questions.jsonl"), '{ "question": "When?", "file": "a.md", "lines": [1, 1] }\n');
  const own: Setup = { model: "./model" };
  const changed = async (after: Setup = own, change: () => Promise<void> = async () => {}): Promise<InputName[]> => {
    const before = await inputsNow(own, about);
    await change();
    return changedInputs("quality", before, await inputsNow(after, about));
  };
  expect(await changed()).toEqual([]);
  expect(
    await changed(
      own,
      edit("texts/b.csv", () => "still not"),
    ),
  ).toEqual([]);
  expect(
    await changed(
      own,
      edit("texts/a.md", () => "Often.\n"),
    ),
  ).toEqual(["corpus"]);
  expect(
    await changed(
      own,
      edit("questions.jsonl", (text) => text.replace("When", "How often")),
    ),
  ).toEqual(["data"]);
  expect(await changed({ ...own, reader: "./adapter" })).toEqual(["metrics", "reader"]);
  expect(await changed({ model: "bm25" })).toEqual(["model"]);
});

test("a classification head depends on its window, and a change is told by the input's name", async () => {
  const head: Setup = { model: "./model" };
  const store = new EvidenceStore(readProject(folder));
  await store.add("quality", await inputsNow(head), { subject: "whole", model: head.model, result: {} });
  const found = store.find("quality", head.model, await inputsNow({ ...head, window: 16, precision: "int4" }));
  expect(found).toMatchObject({ state: "stale", changed: ["precision", "window"] });
});

test("a project that was moved keeps its evidence", async () => {
  const store = new EvidenceStore(readProject(folder));
  await store.add("quality", await inputsNow(setup), { subject: "before", model: setup.model, result: {} });
  const moved = await mkdtemp(join(tmpdir(), "lectern-moved-"));
  await cp(folder, moved, { recursive: true });
  const project = readProject(moved);
  const inputs = await inputsOf(project, setup, await locateSetup(project, setup));
  expect(new EvidenceStore(project).find("quality", setup.model, inputs).state).toBe("fresh");
  await rm(moved, { recursive: true });
});

test("stale evidence is compared with what it differs least from, not with the newest", async () => {
  const head: Setup = { model: "./model" };
  const store = new EvidenceStore(readProject(folder));
  const before = await inputsNow(head);
  await store.add("quality", before, { subject: "own", model: head.model, result: {} });
  const varied = { ...before, precision: "int8", window: "16" };
  await store.add("quality", varied, { subject: "varied later", model: head.model, result: {} });
  expect(store.find("quality", head.model, { ...before, data: "other" })).toMatchObject({
    state: "stale",
    changed: ["data"],
  });
});
