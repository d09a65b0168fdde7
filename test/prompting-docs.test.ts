import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const main = join(root, "dist/cli/main.js");
const run = promisify(execFile);
const page = readFileSync(join(root, "docs/prompting.md"), "utf8");
const blocks = (language: string): string[] =>
  [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, own]) => own === language)
    .map(([, , code]) => code as string);

describe.skipIf(!existsSync(main))("docs/prompting.md (skipped until `npm run build` has run)", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lectern-prompts-"));
    await cp(join(root, "examples/prompts"), folder, { recursive: true });
    await mkdir(join(folder, "node_modules"));
    await symlink(root, join(folder, "node_modules/lectern"), "dir");
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function results(block: string | undefined): Promise<{ stdout: string; stderr: string }[]> {
    const outputs = [];
    for (const line of (block as string).trim().split("\n"))
      outputs.push(
        await run("bash", ["-c", line.replace("npx lectern", `"${process.execPath}" "${main}"`)], { cwd: folder }),
      );
    return outputs;
  }

  test("shows the file that the example has", () => {
    expect(blocks("jinja")[0]).toBe(readFileSync(join(root, "examples/prompts/prompts/sentiment.prompt"), "utf8"));
  });

  test("renders, checks and compares", async () => {
    const [rendered, checked, compared] = await results(blocks("sh")[0]);
    expect(rendered?.stdout).toBe(
      "Decide whether each review is positive or negative.\n\nReview: a joy to watch\nSentiment:\n",
    );
    expect(checked?.stderr).toBe("2 prompts, 0 errors, 0 warnings\n");
    expect(compared?.stdout).toMatch(
      /^definition:\n@@[\s\S]*\+You judge film reviews\. Be strict\.[\s\S]*tokens: \d+ → \d+\n$/,
    );
  });

  test("draws the budget, and drops what does not fit", async () => {
    const [drawn, dropped] = await results(blocks("sh")[1]);
    expect(drawn?.stderr).toBe(blocks("").at(-1));
    const { ids, budget } = JSON.parse(dropped?.stdout as string);
    const counted = budget.parts.reduce((sum: number, { tokens }: { tokens: number }) => sum + tokens, 0);
    expect([counted, budget.prompt + budget.free + budget.reserve]).toEqual([ids.length, 96]);
    expect(budget.dropped.length).toBeGreaterThan(0);
    expect(budget.kept.length + budget.dropped.length).toBe(6);
  });

  test("searches for a prompt, within its budget, and measures it on held-out items", async () => {
    const [found] = await results(blocks("sh")[2]);
    expect(found?.stdout.split("\n")[0]).toBe(blocks("text")[0]?.trim());
    expect(found?.stdout).toMatch(/Spread: \d.*standard error of one figure[\s\S]*between orders of the same examples/);
    expect(found?.stdout).toMatch(
      /\nOn 14 held-out items: acc_calibrated .* 95 %: [\s\S]*chance makes look better than it is\.\n$/,
    );
    const own = JSON.parse(readFileSync(join(folder, "search/search.json"), "utf8"));
    expect(own.tokens).toBeLessThanOrEqual(50_000);
    const shown = [main, "eval", "show", "search/held-out", "--json"];
    const { n, wrong } = JSON.parse((await run(process.execPath, shown, { cwd: folder })).stdout);
    expect(own.heldOut).toMatchObject({ n, value: expect.closeTo(1 - wrong / n, 12) });
  }, 120_000);

  test.each([
    [0, /Review: so so\nSentiment: \d+ \d+\n/],
    [1, /^sentiment(@2)? 0\.\d+ \[ 0\.\d+, 0\.\d+ \] 0\.\d+ 0\.\d+\n$/],
  ])(
    "program %i runs",
    async (index, output) => {
      const path = join(folder, `program-${index}.mjs`);
      await writeFile(path, blocks("js")[index] as string);
      expect((await run(process.execPath, [path], { cwd: folder })).stdout).toMatch(output);
    },
    60_000,
  );

  test.each([
    [["render", "sentiment"], 1, "variable text needs a value"],
    [["render", "sentimnt"], 2, 'there is no prompt "sentimnt" in prompts; did you mean sentiment?'],
    [["render", "sentiment@7"], 2, 'there is no prompt "sentiment@7" in prompts; did you mean sentiment@2?'],
    [["render", "sentiment", "--var", "text"], 2, "--var takes name=value; got text"],
    [
      ["render", "sentiment@2", "--var", "text=a", "--var", "stars=many"],
      2,
      "a value of type integer is JSON; got many",
    ],
    [["render", "sentiment", "--var", "text=a", "--shots", "2"], 2, "--shots counts tokens, which needs --model"],
    [
      ["render", "sentiment", "--var", "text=a", "--model", "stories", "--window", "20"],
      1,
      "more than the window of 20",
    ],
    [["optimize", "sentiment", "--model", "stories"], 2, "required option '--items <file>'"],
    [
      ["optimize", "sentiment", "--model", "stories", "--items", "reviews.csv"],
      1,
      "there are 3 development items that are no examples; give 8 at least",
    ],
    [["check", "--folder", "nowhere"], 1, "cannot read the folder of prompts nowhere"],
  ])("lectern prompt %j is explained", async (args, code, message) => {
    const failed = run(process.execPath, [main, "prompt", ...args], { cwd: folder });
    await expect(failed).rejects.toMatchObject({ code, stderr: expect.stringContaining(message) });
  });
});
