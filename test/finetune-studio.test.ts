import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { StudioRun } from "../src/studio/run.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const main = join(root, "dist/cli/main.js");

test.skipIf(!existsSync(main))(
  "`finetune --studio` shows the run, then both models' answers, until it is interrupted (skipped until `npm run build`)",
  { timeout: 300_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "lectern-"));
    const out = join(folder, "tuned");
    const given = ["finetune", "sentiment", "examples/course/topics.csv", "--task", "text-classification", "--lora"];
    const child = spawn(
      process.execPath,
      [main, ...given, "--validation", "examples/course/topics-test.csv", "--epochs", "1", "--out", out, "--studio"],
      { cwd: root, stdio: ["ignore", "ignore", "pipe"] },
    );
    try {
      let printed = "";
      child.stderr.on("data", (text: Buffer) => (printed += String(text)));
      while (!printed.includes("#view=finetuning")) await pause(50);
      const [, url] = /studio: (\S+)#view/.exec(printed) as RegExpExecArray;
      const read = async (): Promise<StudioRun> => (await fetch(`${url}run.json`)).json() as Promise<StudioRun>;
      const first = await read();
      expect(first).toMatchObject({ finished: false, adapter: true, models: null });
      expect(first.samples.map(({ before, after }) => [before?.length, after])).toEqual(Array(3).fill([2, null]));
      let run = first;
      while (!run.finished) {
        await pause(200);
        run = await read();
      }
      expect(run.train.map(([step]) => step)).toEqual([1, 2, 3]);
      expect(run.confusion?.labels.toSorted()).toEqual(["food", "weather"]);
      expect(
        run.samples.flatMap(({ after }) => (after as [string, number][]).map(([label]) => label)).toSorted(),
      ).toEqual(["food", "food", "food", "weather", "weather", "weather"]);
      expect(await (await fetch(`${url}models.json`)).json()).toEqual([{ name: "sentiment" }, { name: out }]);
      child.kill("SIGINT");
      expect((await once(child, "exit"))[0]).toBe(130);
    } finally {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true });
    }
  },
);
