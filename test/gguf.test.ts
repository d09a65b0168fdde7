import { execFileSync, spawnSync } from "node:child_process";
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { architectures } from "../src/formats/gguf/architectures.ts";
import { preTokenizers } from "../src/formats/gguf/pre-tokenizers.ts";
import { typeNames } from "../src/formats/gguf/types.ts";
import { fixture, readJson } from "./helpers/fixtures.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const quantized = fixture("gguf/small-Q4_0.gguf");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** The built command, in a process of its own. */
function lectern(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, LECTERN_CACHE: join(folder, "cache") };
  return spawnSync(process.execPath, ["dist/cli/main.js", ...args], { cwd: root, encoding: "utf8", env });
}

describe("the commands take a GGUF file as they take a directory", () => {
  test("run: the reference's greedy tokens, computed in a worker, from weights derived once", async () => {
    const { cases } = await readJson<{ cases: { file: string; input_ids: number[]; output_ids: number[] }[] }>(
      fixture("gguf/expected.json"),
    );
    const expected = cases.find(({ file }) => file === "small-Q4_0.gguf");
    const greedy = ["--set", "do_sample=false", "--set", "eos_token_id=null", "--max-new-tokens", "20", "--json"];
    for (let time = 0; time < 2; time++) {
      const { stdout, stderr } = lectern("run", quantized, "--input-ids", expected?.input_ids.join() ?? "", ...greedy);
      expect(stderr).toBe("");
      expect((JSON.parse(stdout) as { outputIds: number[] }).outputIds).toEqual(expected?.output_ids);
      expect(await readdir(join(folder, "cache", "derived"))).toHaveLength(2); // blocks, and the expanded embeddings
    }
  });

  test("a directory with one GGUF file stands for it, and nothing is written beside it", async () => {
    const directory = await mkdtemp(join(folder, "one-"));
    await copyFile(quantized, join(directory, "model.gguf"));
    const { stdout } = lectern("show", directory, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ family: "LLaMA", contextWindow: 128, config: { hidden_size: 64 } });
    expect(await readdir(directory)).toEqual(["model.gguf"]);
  });

  test("tokenize and forward", async () => {
    const { stdout } = lectern("tokenize", quantized, "Once upon a time", "--json");
    expect((JSON.parse(stdout) as { ids: number[] }).ids).toEqual([1, 403, 407, 261, 378]);
    const out = join(folder, "out.safetensors");
    expect(lectern("forward", quantized, "--text", "Once", "--out", out).stdout).toContain("logits\t[1, 2, 512]");
  });

  test("export writes a file that runs; options of other formats are refused by name", () => {
    const out = join(folder, "stories.gguf");
    const told = JSON.parse(lectern("export", "stories", "--type", "q8_0", "--out", out, "--json").stdout) as object;
    expect(told).toMatchObject({ type: "q8_0", tensors: 56 });
    expect(lectern("run", out, "Once upon a time", "--max-new-tokens", "5", "--seed", "1").status).toBe(0);
    const { status, stderr } = lectern("export", "stories", "--format", "onnx", "--type", "q8_0", "--out", out);
    expect([status, stderr]).toEqual([2, "lectern: export: --type belongs to --format gguf; got --format onnx\n"]);
  });
});

describe("a disk that is full leaves nothing half-written, and is told", () => {
  const limited = (kib: number, ...args: readonly string[]): { status: number | null; stderr: string } => {
    const command = `ulimit -f ${kib}; exec "${process.execPath}" dist/cli/main.js "$@"`;
    const env = { ...process.env, LECTERN_CACHE: join(folder, "small") };
    return spawnSync("bash", ["-c", command, "bash", ...args], { cwd: root, encoding: "utf8", env });
  };

  test("by derived weights", async () => {
    const { status, stderr } = limited(16, "show", quantized);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^lectern: derived weights .* cannot be written to .*small.*set LECTERN_CACHE/);
    expect(await readdir(join(folder, "small", "derived"))).toEqual([]);
  });

  test("by an export", async () => {
    const directory = await mkdtemp(join(folder, "export-"));
    const { status, stderr } = limited(64, "export", "stories", "--out", join(directory, "x.gguf"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^lectern: .*x\.gguf cannot be written/);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("docs/gguf.md", () => {
  test("names every architecture, type and pre-tokenizer that is read, and no other", async () => {
    const page = await readFile(join(root, "docs/gguf.md"), "utf8");
    const [, architecturesTable = "", typesTable = ""] = page.split(/^\| (?:architecture|type) .*\n/m);
    const named = (text: string): string[] =>
      [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string).sort();
    const firstColumn = (table: string): string =>
      (table.split("\n\n")[0] ?? "")
        .split("\n")
        .map((row) => row.split("|")[1] ?? "")
        .join("\n");
    expect(named(firstColumn(architecturesTable))).toEqual(Object.keys(architectures).sort());
    expect(named(firstColumn(typesTable))).toEqual([...typeNames].sort());
    const [tokenizers = ""] = /^Tokenizers:[\s\S]*?\n\n/m.exec(page) ?? [];
    expect(named(tokenizers)).toEqual(
      ["bert", "gemma4", "gpt2", "llama", "rwkv", "t5", ...Object.keys(preTokenizers)].sort(),
    );
  });

  test("its commands on the shipped model run as they stand", async () => {
    const page = await readFile(join(root, "docs/gguf.md"), "utf8");
    const commands = page.split("\n").filter((line) => line.startsWith("npx lectern") && !line.includes("path/to"));
    expect(commands.length).toBe(2);
    for (const command of commands) {
      const own = command.replace("npx lectern ", "").replaceAll("stories.gguf", join(folder, "docs.gguf"));
      const args = own.match(/"[^"]*"|\S+/g)?.map((part) => part.replaceAll('"', "")) ?? [];
      expect(lectern(...args).status, command).toBe(0);
    }
  });
});

test("the library writes too: lectern/export", async () => {
  const out = join(folder, "library.gguf");
  const script = `import { exportGguf } from "lectern/export";
    console.log(JSON.stringify(await exportGguf("models/stories", { type: "Q4_0", out: ${JSON.stringify(out)}, license: "mit" })));`;
  const told = execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: root, encoding: "utf8" });
  expect(JSON.parse(told)).toMatchObject({ tensors: 56 });
  expect((await readFile(out)).subarray(0, 4).toString()).toBe("GGUF");
});
