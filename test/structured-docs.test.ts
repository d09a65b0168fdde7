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
const page = readFileSync(join(root, "docs/structured-output.md"), "utf8");
const blocks = (language: string): string[] =>
  [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, own, code]) => (own === language ? [code as string] : []));

describe.skipIf(!existsSync(main))("docs/structured-output.md (skipped until `npm run build` has run)", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lectern-structured-"));
    await mkdir(join(folder, "node_modules"));
    await symlink(root, join(folder, "node_modules/lectern"), "dir");
    const hero = {
      type: "object",
      properties: { name: { type: "string", maxLength: 9 } },
      additionalProperties: false,
    };
    await writeFile(join(folder, "hero.json"), JSON.stringify(hero));
    const remote = { properties: { color: { $ref: "https://example.com/color.json" } } };
    await writeFile(join(folder, "remote.json"), JSON.stringify(remote));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  const shell = (line: string): ReturnType<typeof run> =>
    run("bash", ["-c", line.replace("npx lectern", `"${process.execPath}" "${main}"`)], { cwd: folder });

  test("the program compiles in a worker and writes what fits", async () => {
    await writeFile(join(folder, "hero.mjs"), blocks("ts")[0] as string);
    const { stdout } = await run(process.execPath, ["hero.mjs"], { cwd: folder });
    expect(stdout).toBe("string true 10\n");
  });

  test("the commands write what fits", async () => {
    const [bySchema, byRegex] = (blocks("sh")[0] as string).trim().split("\n") as [string, string];
    const { stdout } = await shell(bySchema);
    expect(Object.keys(JSON.parse(String(stdout).slice("The hero: ".length)))).not.toContain("age");
    expect(String((await shell(byRegex)).stdout)).toMatch(/^It happened on \d{4}-\d{2}-\d{2}\n$/);
  });

  test("the message of a refusal is the one that is shown", async () => {
    const failure = await shell((blocks("sh")[1] as string).trim()).catch((error) => error);
    expect(failure.stderr).toContain(blocks("")[0]);
  });
});
