import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { StudioRun } from "../src/studio/run.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const main = join(root, "dist/cli/main.js");

type Read = () => Promise<StudioRun>;

/** Runs `finetune … --studio` until the test has seen enough, then interrupts it. */
async function whileTuning(given: string[], out: string, see: (read: Read, url: string) => Promise<void>) {
  const child = spawn(process.execPath, [main, "finetune", ...given, "--epochs", "1", "--out", out, "--studio"], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    let printed = "";
    child.stderr.on("data", (text: Buffer) => (printed += String(text)));
    while (!printed.includes("#view=finetuning")) await pause(50);
    const [, url = ""] = /studio: (\S+)#view/.exec(printed) as RegExpExecArray;
    await see(async () => (await fetch(`${url}run.json`)).json() as Promise<StudioRun>, url);
    child.kill("SIGINT");
    expect((await once(child, "exit"))[0]).toBe(130);
  } finally {
    child.kill("SIGKILL");
  }
}

async function finished(read: Read): Promise<StudioRun> {
  for (;;) {
    const run = await read();
    if (run.finished) return run;
    await pause(200);
  }
}

test.skipIf(!existsSync(main))(
  "`finetune --studio` shows the run, then both models' answers, until it is interrupted (skipped until `npm run build`)",
  { timeout: 300_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "lectern-"));
    const out = join(folder, "tuned");
    const data = ["examples/course/topics.csv", "--validation", "examples/course/topics-test.csv"];
    await whileTuning(["sentiment", ...data, "--task", "text-classification", "--lora"], out, async (read, url) => {
      const first = await read();
      expect(first).toMatchObject({ finished: false, adapter: true, models: null });
      expect(first.samples.map(({ before, after }) => [before?.length, after])).toEqual(Array(3).fill([2, null]));
      const run = await finished(read);
      expect(run.train.map(([step]) => step)).toEqual([1, 2, 3]);
      expect(run.confusion?.labels.toSorted()).toEqual(["food", "weather"]);
      expect(
        run.samples.flatMap(({ after }) => (after as [string, number][]).map(([label]) => label)).toSorted(),
      ).toEqual(["food", "food", "food", "weather", "weather", "weather"]);
      expect(run.samples.map(({ during }) => during.map(({ step, answer }) => [step, answer.length]))).toEqual(
        Array(3).fill([[3, 2]]),
      );
      expect(await (await fetch(`${url}models.json`)).json()).toEqual([{ name: "sentiment" }, { name: out }]);
    });
    expect(existsSync(join(out, "evaluated"))).toBe(false);
    await rm(folder, { recursive: true });
  },
);

test.skipIf(!existsSync(main))(
  "`finetune --studio` shows what a decoder writes at each evaluation (skipped until `npm run build`)",
  { timeout: 300_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "lectern-"));
    const data = join(folder, "data.jsonl");
    const rows = ["rain", "snow", "fog"].map((word) => ({ prompt: `${word}>`, completion: word.toUpperCase() }));
    await writeFile(data, rows.map((row) => JSON.stringify(row)).join("\n"));
    const given = ["icl-small", data, "--validation", data, "--task", "text-generation"];
    await whileTuning(given, join(folder, "tuned"), async (read) => {
      const { samples } = await finished(read);
      expect(
        samples.map(({ text, during }) => [text, during.map(({ step, answer }) => [step, typeof answer])]),
      ).toEqual(rows.map(({ prompt }) => [prompt, [[1, "string"]]]));
      expect(samples.map(({ during }) => during[0]?.answer)).toEqual(samples.map(({ after }) => after));
    });
    await rm(folder, { recursive: true });
  },
);
