import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../", import.meta.url));
const main = join(root, "dist/cli/main.js");
const run = promisify(execFile);
const page = readFileSync(join(root, "docs/lifecycle.md"), "utf8");

const blocks = (language: string): string[] =>
  [...page.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)].flatMap(([, own, code]) =>
    own === language ? [code as string] : [],
  );

describe.skipIf(!existsSync(main))("docs/lifecycle.md (skipped until `npm run build` has run)", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lectern-lifecycle-docs-"));
    await writeFile(join(folder, "reviews.csv"), blocks("csv")[0] as string);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("every command runs, and prints what the page says", async () => {
    const lines = blocks("sh").flatMap((block) => block.trim().split("\n"));
    const outputs = new Map<string, string>();
    for (const line of lines) {
      const command = line.replace("npx lectern", `"${process.execPath}" "${main}"`);
      outputs.set(line, (await run("bash", ["-c", command], { cwd: folder })).stdout);
    }
    const of = (part: string): string => [...outputs].find(([line]) => line.endsWith(part))?.[1] ?? "";
    const [checked, status, next] = blocks("") as [string, string, string];
    expect(of("--test reviews.csv")).toBe(blocks("json")[0]);
    expect(of("project check")).toBe(checked);
    expect(of("project status").replaceAll(/\d{4}-\d\d-\d\d/g, "DATE")).toBe(
      status.replaceAll(/\d{4}-\d\d-\d\d/g, "DATE"),
    );
    expect(of("project next")).toBe(next);
    expect(JSON.parse(of("--json"))).toMatchObject({ passed: true, measured: [] });
    expect(of("candidates.md")).toMatch(/^candidate +acc .*\nsentiment +1 /);
    expect(readFileSync(join(folder, "candidates.svg"), "utf8").match(/<circle/g)).toHaveLength(1);
    expect(of("--windows whole")).toMatch(/cheapest that passes: sentiment, int[48], 1 thread, batch 8/);
    expect(readFileSync(join(folder, "README.md"), "utf8")).toMatch(/^---\nlanguage:\n {2}- en\nlicense: mit/);
    expect(readFileSync(join(folder, "check.xml"), "utf8")).toContain('tests="1" failures="0"');
    expect(lines.length).toBe(9);
  }, 400_000);
});
