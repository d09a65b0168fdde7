import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { optionNames, optionTable } from "../generation/index.ts";
import { program, runCli } from "./run-cli.ts";
import { Terminal } from "./terminal.ts";

const gpt2 = fixture("models/gpt2");

async function cli(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await runCli(args, {
    stdin: Readable.from([""]),
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
  });
  return { code, out, err };
}

const run = (...flags: string[]) =>
  cli(["run", gpt2, "--input-ids", "5,9,31", "--max-new-tokens", "8", "--eos-token-id", "null", ...flags]);

const greedy = (await run()).out;

describe("sampling flags", () => {
  test.each([
    ["--temperature", "5"],
    ["--top-k", "200"],
    ["--top-p", "0.99"],
    ["--set", "temperature=5"],
    ["--set", "top_k=200"],
  ])("%s %s draws tokens", async (...flags) => {
    const texts = [];
    for (const seed of ["1", "2", "3"]) texts.push((await run(...flags, "--seed", seed)).out);
    expect(new Set(texts).size).toBe(3);
    expect((await run(...flags, "--seed", "2")).out).toBe(texts[1]);
  });

  test("a file of --config draws where it says how", async () => {
    const file = join(await mkdtemp(join(tmpdir(), "lectern-")), "generation_config.json");
    await writeFile(file, JSON.stringify({ temperature: 5, bos_token_id: 0 }));
    expect((await run("--config", file, "--seed", "1")).out).not.toBe((await run("--config", file, "--seed", "2")).out);
    await writeFile(file, "[]");
    expect(await run("--config", file)).toMatchObject({ code: 2, err: expect.stringContaining("must hold an object") });
  });
});

describe("greedy decoding", () => {
  test.each([
    ["--greedy"],
    ["--no-do-sample"],
    ["--do-sample", "false"],
    ["--do-sample=false"],
    ["--temperature", "0"],
    ["--temperature", "0", "--top-p", "0.5"],
    ["--set", "temperature=0"],
    ["--set", "do_sample=true", "--no-do-sample"],
    ["--greedy", "--temperature", "1"],
  ])("%s %s", async (...flags) => {
    expect(await run(...flags)).toEqual({ code: 0, out: greedy, err: "" });
  });

  test.each([
    [["--greedy", "--top-p", "0.5"], "topP draws tokens and doSample: false does not"],
    [["--greedy", "--do-sample"], "--greedy takes the most probable token and doSample draws"],
    [["--greedy", "--set", "do_sample=true"], "--greedy takes the most probable token and doSample draws"],
    [["--no-do-sample", "--temperature", "2"], "temperature draws tokens and doSample: false does not"],
    [["--do-sample", "false", "--set", "min_p=0.1"], "minP draws tokens and doSample: false does not"],
  ])("%j is a contradiction", async (flags, message) => {
    expect(await run(...flags)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(message) });
  });
});

describe("flags that are true or false", () => {
  test("take true and false as values, and leave other arguments alone", async () => {
    expect(await run("--use-cache", "false")).toMatchObject({ code: 0, out: greedy });
    expect(await run("--do-sample", "true", "--temperature", "1", "--seed", "1")).toMatchObject({ code: 0 });
    const before = await cli(["run", "--do-sample", gpt2, "When", "--max-new-tokens", "2", "--seed", "1"]);
    const after = await cli(["run", gpt2, "When", "--max-new-tokens", "2", "--seed", "1", "--do-sample"]);
    expect(before).toEqual(after);
    const prompt = await cli([
      "run",
      "--greedy",
      "--max-new-tokens",
      "1",
      "--json",
      "--",
      gpt2,
      "--do-sample",
      "false",
    ]);
    expect(prompt).toMatchObject({ code: 2, err: expect.stringContaining("too many arguments") });
  });
});

test.each([
  [["--temperature", "abc"], 'temperature must be a number from 0; got "abc"'],
  [["--temperature", ""], 'temperature must be a number from 0; got ""'],
  [["--max-new-tokens", "1e400"], "maxNewTokens must be a whole number above 0; got Infinity"],
  [["--threads", "0"], "--threads takes a whole number above 0; got 0"],
  [["--threads", "abc"], "--threads takes a whole number above 0; got abc"],
  [["--threads", "1000000"], "threads must be a whole number from 1 to 64"],
  [["--set", "topk_=1"], "there is no option topk_; did you mean top_k?"],
])("%j is refused as it was written", async (flags, message) => {
  expect(await run(...flags)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(message) });
});

test("a name that is near to none gets no suggestion", async () => {
  const { err } = await run("--set", "foo=1");
  expect(err).toBe("lectern: generation: there is no option foo\n");
});

test("standard error says once that the window holds fewer tokens than were asked for", async () => {
  const flags = ["run", gpt2, "--input-ids", "5,9,31", "--eos-token-id", "null"];
  const { code, err, out } = await cli([...flags, "--max-new-tokens", "5000", "--json"]);
  const { sequences } = JSON.parse(out) as { sequences: object[] };
  expect(code).toBe(0);
  expect(err).toBe("lectern: only 62 new tokens fit in the context window, not 5000\n");
  expect(sequences).toEqual([expect.objectContaining({ newTokensThatFit: 62, finishReason: "length" })]);
  expect((await cli([...flags, "--max-new-tokens", "62"])).err).toBe("");
});

test.each(["run", "translate", "summarize"])(
  "lectern %s --help has a sentence and a default for each option",
  async (name) => {
    const silent = { write: () => true };
    const terminal = new Terminal({ stdin: process.stdin, stdout: silent, stderr: silent, env: {} });
    const root = await program(terminal, new AbortController().signal, [name]);
    const command = root.commands.find((command) => command.name() === name);
    const help = command?.configureHelp({ helpWidth: 10_000 }).helpInformation() ?? "";
    for (const option of optionNames) {
      const flag = `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      const [line = ""] = help.split("\n").filter((line) => line.trim().startsWith(`${flag} `));
      const { help: sentence, default: usual } = optionTable[option];
      expect(line.toLowerCase(), flag).toContain(sentence.toLowerCase());
      expect(line, flag).toContain(`default ${usual}`);
    }
  },
);
