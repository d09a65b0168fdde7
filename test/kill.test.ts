import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Random } from "../src/common/index.ts";
import { fixture } from "./helpers/fixtures.ts";

/** CI kills it a few times; `LECTERN_KILLS=20 npx vitest run test/kill.test.ts` more often. */
const KILLS = Number(process.env.LECTERN_KILLS ?? 4);
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

const recipe = {
  config: {
    model_type: "gpt2",
    vocab_size: 400,
    n_embd: 32,
    n_layer: 2,
    n_head: 2,
    n_positions: 32,
    eos_token_id: 0,
  },
  heldOut: ["b.txt"],
  seed: 5,
  batchSize: 4,
  length: 32,
  steps: 1500,
  optimizer: { name: "adamw" },
  schedule: { name: "linear", learningRate: 0.003, warmupSteps: 10 },
  maxGradNorm: 1,
  checkpointEvery: 4,
  evaluateEvery: 125,
};

test(`a training run killed ${KILLS} times at random moments ends with the bits of one that was not`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const data = join(folder, "data");
  await mkdir(data);
  await writeFile(join(data, "a.txt"), "the wolf and the seven little goats ".repeat(300));
  await writeFile(join(data, "b.txt"), "the fox and the geese went out ".repeat(100));
  await writeFile(join(folder, "recipe.json"), JSON.stringify(recipe));
  const start = (out: string): ChildProcess =>
    spawn(process.execPath, [
      main,
      "train",
      join(folder, "recipe.json"),
      "--data",
      data,
      "--tokenizer",
      fixture("models/gpt2"),
      "--out",
      join(folder, out),
      "--quiet",
    ]);
  const ended = (child: ChildProcess): Promise<number | null> =>
    new Promise((resolve) => child.once("close", (code) => resolve(code)));
  /** When a run last wrote its checkpoint. */
  const written = (out: string): Promise<number> =>
    stat(join(folder, out, "training.safetensors")).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
  expect(await ended(start("whole"))).toBe(0);
  const random = new Random(Date.now());
  let midway = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const before = await written("killed");
    const child = start("killed");
    const done = ended(child);
    const isEarly = kill % 4 === 3; // one in four while it starts, the others after it has come some way
    while (!isEarly && child.exitCode === null && (await written("killed")) === before) await pause(5);
    await pause(200 * random.next());
    child.kill("SIGKILL");
    midway += Number((await done) === null);
  }
  expect(await ended(start("killed"))).toBe(0);
  expect(midway).toBe(KILLS);
  const [one, other] = await Promise.all(
    ["whole", "killed"].map((out) => readFile(join(folder, out, "model.safetensors"))),
  );
  expect(other?.equals(one as Buffer)).toBe(true);
  const [log, resumed] = await Promise.all(
    ["whole", "killed"].map((out) => readFile(join(folder, out, "training.jsonl"), "utf8")),
  );
  expect(resumed?.split("\n").filter((line) => line.includes("evalLoss"))).toEqual(
    log?.split("\n").filter((line) => line.includes("evalLoss")),
  );
}, 180_000);
