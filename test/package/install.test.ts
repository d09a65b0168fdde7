import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const bin = (name: string): string => join(root, "node_modules", ".bin", name);

/** What the program prints: greedy tokens of `stories`, as every other test of its tokens has them. */
const EXPECTED = "! I";
const BODY = `
  const model = await loadModel("stories");
  const { text } = await model.generate({ prompt: "Hi" }, { maxNewTokens: 2, doSample: false });
  await model.dispose();
  process.stdout.write(text);`;

describe("the packed tarball, installed into an empty folder", { timeout: 300_000 }, () => {
  let home: string;
  let folder: string;

  /** Runs a program in the folder with nothing of this environment but where programs and temporary files are. */
  function run(program: string, args: readonly string[], cwd = folder): string {
    const { PATH, SystemRoot, TEMP } = process.env;
    const env = { PATH, HOME: home, USERPROFILE: home, ...(SystemRoot && { SystemRoot, TEMP }) };
    return execFileSync(program, args, { cwd, env, encoding: "utf8", shell: process.platform === "win32" });
  }

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "lectern-install-"));
    folder = join(home, "empty");
    await mkdir(folder);
    const [{ filename }] = JSON.parse(
      execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", home], {
        cwd: root,
        encoding: "utf8",
        maxBuffer: 2 ** 26,
        shell: process.platform === "win32",
      }),
    ) as [{ filename: string }];
    run("npm", ["install", "--no-audit", "--no-fund", join(home, filename), "@types/node@20"]);
  }, 300_000);

  afterAll(() => rm(home, { recursive: true, force: true }));

  test("runs as a command", () => {
    const out = run("npx", ["lectern", "run", "stories", "Hi", "--max-new-tokens", "2", "--json"]);
    expect((JSON.parse(out) as { usage: unknown }).usage).toEqual({
      promptTokens: 2,
      completionTokens: 2,
      cachedTokens: 0,
    });
  });

  test("is imported and required", async () => {
    await writeFile(join(folder, "app.mjs"), `import { loadModel } from "lectern";${BODY}`);
    await writeFile(join(folder, "app.cjs"), `const { loadModel } = require("lectern");(async () => {${BODY}})();`);
    expect(run("node", ["app.mjs"])).toBe(EXPECTED);
    expect(run("node", ["app.cjs"])).toBe(EXPECTED);
  });

  test("has types that compile, strictly, without the DOM library", async () => {
    await writeFile(
      join(folder, "typed.mts"),
      `import { loadModel, pipeline, type Model } from "lectern";
       import { finetune } from "lectern/training";
       import * as graph from "lectern/graph";
       import * as nn from "lectern/nn";
       import { exportGguf } from "lectern/export";
       import { compile, defineFamily } from "lectern/inference";
       import { openIndex, type PassageIndex } from "lectern/retrieval";
       const open: (path: string) => Promise<PassageIndex> = openIndex;
       const load: (name: string) => Promise<Model> = loadModel;
       const model = await load("stories");
       const { text }: { text: string } = await model.generate({ prompt: "Hi" }, { maxNewTokens: 2, doSample: false });
       await model.dispose();
       process.stdout.write([pipeline, finetune, graph, nn, exportGguf, compile, defineFamily, open].every(Boolean) ? text : "");`,
    );
    const options = "--strict --skipLibCheck false --target es2022 --lib es2022 --types node --module nodenext";
    run(bin("tsc"), [...options.split(" "), "typed.mts"]);
    expect(run("node", ["typed.mjs"])).toBe(EXPECTED);
  });

  test.each(["esm", "cjs"] as const)(
    "is bundled by esbuild, format %s, and the bundle finds its files",
    async (format) => {
      const outfile = join(folder, "bundled", `${format}.${format === "esm" ? "mjs" : "cjs"}`);
      const { warnings } = await build({
        stdin: { contents: `import { loadModel } from "lectern";(async () => {${BODY}})();`, resolveDir: folder },
        outfile,
        bundle: true,
        platform: "node",
        format,
        logLevel: "silent",
      });
      expect(warnings).toEqual([]);
      expect(run("node", [outfile])).toBe(EXPECTED);
      expect(run("node", [outfile], home)).toBe(EXPECTED);
    },
  );

  test("reports what a bundle lacks that runs where the package is not installed", async () => {
    const outfile = join(home, "alone", "bundle.mjs");
    await build({
      stdin: {
        contents: `import { loadModel } from "lectern";loadModel("stories").catch((error) => console.log(error.message));`,
        resolveDir: folder,
      },
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
    });
    expect(run("node", [outfile], home)).toMatch(
      /expected lectern \S+ installed where the bundle runs; got none; install/,
    );
  });
});
