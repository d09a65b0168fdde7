import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { runCli } from "./run-cli.ts";

const folder = await mkdtemp(join(tmpdir(), "lectern-"));
const file = async (name: string, content: string | object): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await runCli(args, {
    stdin: Readable.from([]),
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
  });
  return { code, out, err };
}

const [bert, gpt2] = [fixture("models/bert"), fixture("models/gpt2")];
const recipe = {
  config: { model_type: "gpt2", vocab_size: 400, n_embd: 16, n_layer: 1, n_head: 2, n_positions: 16, eos_token_id: 0 },
  heldOut: ["b.txt"],
  seed: 5,
  batchSize: 2,
  length: 16,
  steps: 3,
  optimizer: { name: "adamw" },
  schedule: { name: "constant", learningRate: 0.003 },
  checkpointEvery: 2,
};

test("an output below a file is refused before anything is read, in one line", async () => {
  const out = ["--out", join(await file("taken", "x"), "out")];
  const commands = [
    ["finetune", bert, "absent.csv", "--task", "text-classification"],
    ["train", await file("recipe.json", recipe), "--data", "absent", "--tokenizer", gpt2],
    ["merge", gpt2, "absent"],
    ["tokenizer", "train", "absent.txt"],
  ];
  for (const command of commands)
    expect(await cli(...command, ...out)).toEqual({
      code: 1,
      out: "",
      err: `lectern: ${out[1]} cannot be written: ${join(folder, "taken")} is a file; choose another directory\n`,
    });
});

describe("lectern train", async () => {
  const data = join(folder, "data");
  await mkdir(data);
  await writeFile(join(data, "a.txt"), "the wolf and the seven little goats ".repeat(40));
  await writeFile(join(data, "b.txt"), "the fox and the geese went out ".repeat(40));
  const train = (path: string, out: string) =>
    cli("train", path, "--data", data, "--tokenizer", gpt2, "--out", join(folder, out));

  test("writes its recipe beside the model, so that lectern eval finds it; eval of another asks for one", async () => {
    const path = await file("recipe.json", recipe);
    expect(await train(path, "trained")).toMatchObject({ code: 0 });
    expect(await cli("eval", join(folder, "trained"), "--data", data)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/held out: loss/),
    });
    expect((await train(path, "trained")).err).toContain("already finished: 3 steps");
    expect((await cli("eval", gpt2, "--data", data)).err).toMatch(/there is no recipe .*; name .* by --recipe/);
  });

  test("writes its recipe by the present names of its settings", async () => {
    const { batchSize: rows, ...rest } = recipe;
    const path = await file("earlier.json", { ...rest, rows });
    const out = join(folder, "earlier recipe");
    const { err } = await train(path, "earlier recipe");
    expect(err.match(/is now/g)).toHaveLength(1);
    expect(err).toContain("earlier.json: rows is now batchSize; the next version rejects the earlier names\n");
    expect(JSON.parse(await readFile(join(out, "recipe.json"), "utf8"))).toEqual(recipe);
  });

  test("refuses recipes that begin with each other, and names the chain", async () => {
    const [one, other] = [join(folder, "one.json"), join(folder, "other.json")];
    await file("one.json", { ...recipe, begin: "other.json" });
    await file("other.json", { ...recipe, begin: "one.json" });
    const { code, err } = await train(one, "cycle");
    expect([code, err]).toEqual([
      1,
      `lectern: recipes begin with each other: ${one} → ${other} → ${one}; leave one begin out\n`,
    ]);
  });

  test("begins with a model's directory, and names one that is missing", async () => {
    const first = await file("first.json", recipe);
    expect(await train(first, "first")).toMatchObject({ code: 0 });
    const deeper = { ...recipe, config: { ...recipe.config, n_layer: 2 }, begin: "first" };
    const grown = await train(await file("deeper.json", deeper), "deeper");
    expect(grown).toMatchObject({ code: 0, err: expect.stringContaining("deeper.json goes on from first\n") });
    const missing = await train(await file("missing.json", { ...deeper, begin: "no-model" }), "missing");
    expect(missing).toMatchObject({ code: 1, err: expect.stringContaining(join(folder, "no-model")) });
  });

  test("refuses windows longer than the model's positions, and rows and models of absurd size", async () => {
    const long = await train(await file("long.json", { ...recipe, length: 32 }), "long");
    expect(long.err).toContain("long.json: length 32 is more than the model's 16 positions");
    const many = await train(await file("many.json", { ...recipe, batchSize: 1e9 }), "many");
    expect(many.err).toMatch(/many.json: batchSize 1000000000 is more than the text's \d+ tokens; lower it/);
    const huge = { ...recipe, config: { ...recipe.config, vocab_size: 2_000_000_000 } };
    expect((await train(await file("huge.json", huge), "huge")).err).toMatch(/a model of \d+ parameters/);
  });
});

test.each([
  ["--seed", "1.5", "--seed takes a whole number from 0; got 1.5"],
  ["--batch-size", "2.5", "--batch-size takes a whole number above 0; got 2.5"],
  ["--label-smoothing", "1", "--label-smoothing takes a share from 0 to below 1; got 1"],
  ["--beta", "0.2", "preference (--preference-loss, --beta) goes with preference, not with text-classification"],
])("lectern finetune refuses %s %s in words", async (flag, value, message) => {
  const data = await file("two.csv", "text,label\na,x\nb,y\n");
  const out = ["--out", join(folder, "never")];
  expect((await cli("finetune", bert, data, "--task", "text-classification", ...out, flag, value)).err).toContain(
    message,
  );
});

test("lectern finetune takes flags by their earlier names, with one note, and refuses both at once", async () => {
  const data = await file("few.csv", `text,label\n${"a,x\nb,y\n".repeat(4)}`);
  const start = ["finetune", bert, data, "--task", "text-classification", "--epochs", "1"];
  const out = join(folder, "earlier flags");
  const { code, err } = await cli(...start, "--out", out, "--rows", "4", "--rate", "1e-4");
  expect(code).toBe(0);
  expect(err).toContain(
    "--rows is now --batch-size, --rate is now --learning-rate; the next version rejects the earlier names\n",
  );
  const again = await cli(...start, "--out", out, "--batch-size", "4", "--learning-rate", "1e-4");
  expect([again.code, again.err]).toEqual([0, expect.stringContaining("already finished: 2 steps")]);
  const both = await cli(...start, "--out", join(folder, "never"), "--rows", "4", "--batch-size", "4");
  expect([both.code, both.err]).toEqual([
    2,
    "lectern: --rows and --batch-size are one flag; give --batch-size alone\n",
  ]);
  expect((await cli("finetune", "--help")).out).not.toMatch(/--rows|--rate|--accumulate/);
});

test("lectern merge does not write over what it merges", async () => {
  const { code, err } = await cli("merge", gpt2, bert, "--out", gpt2);
  expect([code, err]).toEqual([2, `lectern: merge: ${gpt2} is what is merged itself; write to another directory\n`]);
});

test("lectern --version prints the package's version", async () => {
  const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  expect(await cli("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
});
