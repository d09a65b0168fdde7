import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const main = join(root, "dist/cli/main.js");
const run = promisify(execFile);
const page = readFileSync(join(root, "docs/evaluation.md"), "utf8");

function blocks(language: string): string[] {
  return [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, own, code]) =>
    own === language ? [code as string] : [],
  );
}

describe.skipIf(!existsSync(main))("docs/evaluation.md (skipped until `npm run build` has run)", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lectern-evaluation-docs-"));
    await mkdir(join(folder, "node_modules"));
    await symlink(root, join(folder, "node_modules/lectern"), "dir");
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("every command runs, and prints what the page says", async () => {
    const lines = blocks("sh").flatMap((block) => block.trim().split("\n"));
    const outputs = new Map<string, string>();
    for (const line of lines) {
      const command = line.replace("npx lectern", `"${process.execPath}" "${main}"`);
      outputs.set(line, (await run("bash", ["-c", command], { cwd: folder })).stdout);
    }
    const of = (part: string): string => [...outputs].find(([line]) => line.includes(part))?.[1] ?? "";
    expect(of("animal-sounds --shots 0,2")).toMatch(/animal-sounds: acc by shots/);
    expect(JSON.parse(of("--json"))).toMatchObject({ task: "opinions", runs: [{ model: "stories", shots: 2, n: 24 }] });
    expect(of("show runs/stories/opinions-2 --limit")).toMatch(/%[\s\S]*of 24 items are wrong/);
    expect(readFileSync(join(folder, "wrong.html"), "utf8")).toMatch(/^<!doctype html>/);
    expect(of("opinions --shots 0,1,2,4")).toMatch(/opinions: acc by shots\nMODEL +SHOTS[\s\S]*stories-gru +0 /);
    expect(readFileSync(join(folder, "curves/opinions.svg"), "utf8").match(/<circle/g)).toHaveLength(8);
    expect(readFileSync(join(folder, "curves/opinions.md"), "utf8")).toMatch(
      /^\| model \| 0 shots \| 1 shot .*\n.*\n\| stories \|/,
    );
    expect(of("--repeat")).toMatch(/pass@3 .*pass\^3/);
    expect(of("eval compare")).toMatch(/McNemar's exact test: p = /);
    expect(of("lectern score")).toMatch(/^-1\.36\d\d {2}\(\d tokens?, greedy\)/);
    expect(lines.length).toBe(9);
  }, 120_000);

  test("the program of the library runs", async () => {
    const [code] = blocks("js");
    await writeFile(join(folder, "program.mjs"), code as string);
    const { stdout } = await run(process.execPath, ["program.mjs"], { cwd: folder });
    expect(stdout).toMatch(/^-1\.37 true\n[\d.]+ 0\.14599/);
  }, 60_000);

  test("a name that is no model stops before anything runs", async () => {
    const evaluate = (...args: string[]): ReturnType<typeof run> =>
      run(process.execPath, [main, "eval", ...args, "--limit", "2"], { cwd: folder });
    const failed = evaluate("stories", "storys", "icl", "--out", "none");
    await expect(failed).rejects.toMatchObject({ stderr: expect.stringContaining("model not found: storys") });
    expect(existsSync(join(folder, "none"))).toBe(false);
  }, 60_000);

  test("the task file is read, and every one of its keys is known", async () => {
    await writeFile(join(folder, "moods.yaml"), blocks("yaml")[0] as string);
    const docs = ["sad", "glad"].map((_, i) => JSON.stringify({ text: `text ${i}`, label: i })).join("\n");
    for (const name of ["moods.jsonl", "moods-train.jsonl"]) await writeFile(join(folder, name), docs);
    const { stdout } = await run(process.execPath, [main, "eval", "stories", "moods.yaml", "--json"], { cwd: folder });
    expect(JSON.parse(stdout).runs[0].metrics).toHaveProperty("acc");
  }, 60_000);
});
