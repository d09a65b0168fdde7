import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cli } from "../../test/helpers/cli.ts";
import { fixture } from "../../test/helpers/fixtures.ts";
import { partPath } from "../files/part-files.ts";
import { commercialUseOf, taskOf } from "../formats/model-card.ts";
import { commands } from "./commands.ts";
import { satisfies } from "./examine.ts";

const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), "lectern-"));

describe("lectern list and show", () => {
  test("list says what each model does under a header, and that translate is not cleared for commercial use", async () => {
    const env = { HF_HOME: await temporary() };
    const { out } = await cli(["list"], { env });
    const lines = out.split("\n");
    expect(lines[0]).toMatch(/^NAME +TASK +SIZE +LICENCE +SOURCE +REVISIONS$/);
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^sentiment +text-classification +5\.\d MB +mit +shipped$/),
        expect.stringMatching(/^stories +text-generation +9\.\d MB +mit +shipped$/),
        expect.stringMatching(/^translate, commercial use: not cleared; .*Multi30k/),
      ]),
    );
    const { models } = JSON.parse((await cli(["list", "--json"], { env })).out) as {
      models: { name: string; commercialUse: string | null }[];
    };
    expect(models.filter(({ commercialUse }) => commercialUse !== null).map(({ name }) => name)).toEqual(["translate"]);
  });

  test.each([
    ["stories", /^kind +decoder \(LLaMA\)$/m],
    ["stories-gru", /^kind +recurrent decoder \(.*\)$/m],
    ["translate", /^kind +encoder–decoder \(Marian\)$/m],
    ["translate", /^commercial use +not cleared; /m],
    ["sentiment", /^kind +encoder \(BERT\)$/m],
    ["stories", /^parameters +4\.88 M$/m],
    ["stories", /^size +9\.9 MB$/m],
    ["stories", /^context +512 tokens$/m],
  ])("show %s prints %s", async (name, line) => {
    expect((await cli(["show", name])).out).toMatch(line);
  });

  test("show --json has the facts as numbers", async () => {
    expect(JSON.parse((await cli(["show", fixture("models/gpt2"), "--json"])).out)).toMatchObject({
      family: "GPT-2",
      kind: "decoder",
      task: "text-generation",
      licence: null,
      commercialUse: null,
      contextWindow: 64,
    });
  });

  test("a card's own task goes before that of its head", () => {
    const config = { architectures: ["BertForSequenceClassification"] };
    expect(taskOf("---\npipeline_tag: text-ranking\n---\n", config)).toBe("text-ranking");
    expect(taskOf("", config)).toBe("text-classification");
    expect(taskOf("", { architectures: ["MarianMTModel"] })).toBe("translation");
    expect(taskOf("", { architectures: [7] })).toBeUndefined();
    expect(commercialUseOf("---\nlicense: mit\n---\ncommercial_use: no")).toBeUndefined();
  });
});

describe("lectern doctor", () => {
  test("names versions, engine and caches, and finds nothing wrong here", async () => {
    const home = await temporary();
    const env = {
      HF_HOME: home,
      LECTERN_CACHE: home,
      HF_TOKEN: "hf_secret",
      HF_ENDPOINT: "https://hub.test",
    };
    const { code, out } = await cli(["doctor", "--json"], { env });
    expect(out).not.toContain("secret");
    expect(JSON.parse(out)).toMatchObject({
      node: process.version,
      engine: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      platform: `${process.platform} ${process.arch}`,
      shippedModels: [
        "icl-large",
        "icl-medium",
        "icl-small",
        "masked",
        "sentiment",
        "stories",
        "stories-gru",
        "translate",
      ],
      hub: "https://hub.test",
      hasToken: true,
      hubCache: { path: join(home, "hub"), bytes: 0, freeBytes: expect.any(Number) },
      derivedCache: { path: join(home, "derived"), bytes: 0 },
      session: { kind: expect.stringMatching(/^(in place|copying)$/) },
      devices: [
        { name: "cpu", problem: null },
        { name: "webgpu", problem: expect.toSatisfy((problem) => problem === null || /WebGPU|webgpu/.test(problem)) },
      ],
      problems: [],
    });
    const { memoryBandwidth, ceilings, threads } = JSON.parse(out) as {
      memoryBandwidth: number;
      ceilings: { modelBytes: number; tokensPerSecond: number }[];
      threads: number;
    };
    expect(threads).toBeGreaterThan(0);
    expect(memoryBandwidth).toBeGreaterThan(1e8);
    expect(ceilings.map(({ modelBytes }) => modelBytes)).toEqual([0.5e9, 1e9, 4e9]);
    for (const { modelBytes, tokensPerSecond } of ceilings)
      expect(tokensPerSecond).toBeCloseTo(memoryBandwidth / modelBytes, 1);
    expect(code).toBe(0);
    const text = (await cli(["doctor"], { env })).out;
    expect(text).toMatch(/^engine +ONNX Runtime \d/m);
    expect(text).toMatch(/^memory bandwidth +\d+\.\d [MG]B\/s/m);
    expect(text).toMatch(/^device cpu +available$/m);
    expect(text).toMatch(/no problems found\n$/);
  });

  test("says what is wrong and exits with 1", async () => {
    const file = join(await temporary(), "file");
    await writeFile(file, "");
    const { code, out } = await cli(["doctor", "--json"], { env: { HF_HOME: file, LECTERN_CACHE: file } });
    const { problems } = JSON.parse(out) as { problems: string[] };
    expect(problems).toEqual(
      [join(file, "hub"), join(file, "derived")].map(
        (path) => `${path} is below a file; choose another with HF_HOME or LECTERN_CACHE`,
      ),
    );
    expect(code).toBe(1);
  });

  test("settings of the Hub that cannot be read are a problem, without their secrets", async () => {
    const home = await temporary();
    const env = { HF_HOME: home, LECTERN_CACHE: home, HF_ENDPOINT: "https://me:secret@hub.test" };
    const { code, out } = await cli(["doctor", "--json"], { env });
    expect(out).not.toContain("secret");
    const { hub, problems } = JSON.parse(out) as { hub: string | null; problems: string[] };
    expect({ code, hub, problems }).toEqual({ code: 1, hub: null, problems: [expect.stringMatching(/^HF_ENDPOINT /)] });
  });

  test.each([
    ["20.19.0", true],
    ["20.18.9", false],
    ["21.9.0", false],
    ["22.12.0", true],
    ["24.0.0", true],
    ["22.11.9", false],
  ])("Node %s is supported: %s", (version, isSupported) => {
    expect(satisfies(version, "^20.19.0 || >=22.12.0")).toBe(isSupported);
  });
});

describe("lectern cache", () => {
  /** The ending of a part's name that a process of this machine writes. */
  const partOf = (pid: number): string =>
    partPath("")
      .slice(1)
      .replace(`-${process.pid}-`, `-${pid}-`)
      .replace(/\d+\.part$/, "0.part");

  /** A cache with files of ours and of others. */
  async function filled(): Promise<{ env: Record<string, string>; derived: string; blobs: string }> {
    const home = await temporary();
    const [derived, blobs, locks] = ["derived", "hub/models--a--b/blobs", "hub/.locks/models--a--b"].map((path) =>
      join(home, path),
    ) as [string, string, string];
    for (const folder of [derived, blobs, locks]) await mkdir(folder, { recursive: true });
    const hash = "0".repeat(32);
    const dead = spawnSync(process.execPath, ["-e", "0"]).pid;
    const files: [string, string][] = [
      [join(derived, `${hash}.bin`), "12345"],
      [join(derived, `${hash}.bin.${partOf(dead)}`), "12"],
      [join(derived, `${hash}.bin.${partOf(process.pid)}`), "being written"],
      [join(derived, "notes.txt"), "not ours"],
      [join(blobs, "e1.lectern-0a.incomplete"), "123"],
      [join(blobs, "e2.lectern-0a.incomplete"), "being fetched"],
      [join(blobs, "e3.incomplete"), "Python's"],
      [join(blobs, "e4"), "a model's"],
      [join(locks, "e2.lectern.lock"), JSON.stringify({ host: hostname(), pid: process.pid, mark: "m" })],
    ];
    for (const [path, text] of files) await writeFile(path, text);
    return { env: { HF_HOME: home, LECTERN_CACHE: home }, derived, blobs };
  }

  test("list names what is ours with its size, and what is in use", async () => {
    const { env } = await filled();
    const { entries } = JSON.parse((await cli(["cache", "list", "--json"], { env })).out) as {
      entries: { kind: string; bytes: number; inUse: boolean }[];
    };
    expect(entries.map(({ kind, bytes, inUse }) => [kind, bytes, inUse]).sort()).toEqual([
      ["derived", 5, false],
      ["download", 13, true],
      ["download", 3, false],
      ["unfinished", 13, true],
      ["unfinished", 2, false],
    ]);
    const { out } = await cli(["cache", "list"], { env });
    expect(out).toMatch(/^KIND +SIZE +CHANGED +PATH$/m);
    expect(out).toMatch(/^36 B in all$/m);
    expect((await cli(["cache", "list"], { env: { HF_HOME: "/none", LECTERN_CACHE: "/none" } })).out).toBe(
      "the cache is empty\n",
    );
  });

  test("clear removes only that, and nothing with --dry-run", async () => {
    const { env, derived, blobs } = await filled();
    const before = [await readdir(derived), await readdir(blobs)];
    expect((await cli(["cache", "clear", "--dry-run"], { env })).out).toMatch(/would remove 3 files, 10 B\n$/);
    expect([await readdir(derived), await readdir(blobs)]).toEqual(before);
    const cleared = JSON.parse((await cli(["cache", "clear", "--json"], { env })).out) as object;
    expect(cleared).toMatchObject({ dryRun: false, freedBytes: 10, removed: expect.any(Array) });
    expect((await readdir(derived)).sort()).toEqual([`${"0".repeat(32)}.bin.${partOf(process.pid)}`, "notes.txt"]);
    expect((await readdir(blobs)).sort()).toEqual(["e2.lectern-0a.incomplete", "e3.incomplete", "e4"]);
    expect((await cli(["cache", "clear"], { env })).out).toBe("removed 0 files, 0 B\n");
  });
});

describe("lectern completion", () => {
  test.each(["bash", "zsh", "fish"])("%s knows every command and its flags", async (shell) => {
    const { code, out } = await cli(["completion", shell]);
    expect(code).toBe(0);
    for (const name of Object.keys(commands)) expect(out).toMatch(new RegExp(`\\b${name}\\b`));
    expect(out).toContain(shell === "fish" ? "-l dry-run" : "--dry-run");
    expect(out).toContain("stories-gru");
  });

  const hasBash = spawnSync("bash", ["--version"]).status === 0;

  test.skipIf(!hasBash)("bash completes commands, flags and models (skipped where there is no bash)", async () => {
    const { out } = await cli(["completion", "bash"]);
    const complete = (...words: string[]): string[] => {
      const list = words.map((word) => `'${word}'`).join(" ");
      const script = `${out}\nCOMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _lectern; echo "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
      expect(stderr).toBe("");
      return stdout.trim().split(" ");
    };
    expect(complete("lectern", "to")).toEqual(["tokenize", "tokenizer"]);
    expect(complete("lectern", "run", "--max-new")).toEqual(["--max-new-tokens"]);
    expect(complete("lectern", "show", "stor")).toEqual(["stories", "stories-gru"]);
    expect(complete("lectern", "cache", "cl")).toEqual(["clear"]);
    expect(complete("lectern", "cache", "clear", "--dry")).toEqual(["--dry-run"]);
  });

  test("another shell is wrong usage", async () => {
    expect(await cli(["completion", "tcsh"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("bash, zsh, fish"),
    });
  });
});
