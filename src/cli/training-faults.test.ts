import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
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
  rows: 2,
  length: 16,
  steps: 3,
  optimizer: { name: "adamw" },
  schedule: { name: "constant", rate: 0.003 },
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
