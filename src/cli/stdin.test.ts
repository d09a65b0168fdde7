import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { cli } from "../../test/helpers/cli.ts";
import { fixture } from "../../test/helpers/fixtures.ts";

const gpt2 = fixture("models/gpt2");

async function promptOf(args: string[], piped: string): Promise<unknown> {
  const all = ["run", gpt2, ...args, "--max-new-tokens", "1", "--json"];
  const { out } = await cli(all, { stdin: Readable.from([piped]) });
  return (JSON.parse(out) as { prompt: string }).prompt;
}

test.each([
  [[], "A fox.\n", "A fox."],
  [["Say:"], "A fox.\nA dog.\n", "Say:\nA fox.\nA dog."],
  [["Say:"], "", "Say:"],
  [["-"], "A fox.\n", "A fox.\n"],
  [[], "", "Once upon a time"],
])("run %j with %j piped in is prompted with %j", async (args, piped, prompt) => {
  expect(await promptOf(args, piped)).toBe(prompt);
});

test("what is piped in is the next turn of a conversation", async () => {
  const file = join(await mkdtemp(join(tmpdir(), "lectern-")), "messages.json");
  await writeFile(file, JSON.stringify([{ role: "system", content: "Be a fox." }]));
  const args = ["run", fixture("models/llama_chat"), "--messages", file, "--max-new-tokens", "1", "--json"];
  const ids = async (more: string[], piped: string): Promise<unknown> => {
    const { out } = await cli([...args, ...more], { stdin: Readable.from([piped]) });
    return (JSON.parse(out) as { inputIds: number[] }).inputIds;
  };
  expect(await ids([], "Hi\n")).toEqual(await ids(["Hi"], ""));
});

test("an open pipe that stays silent does not keep a prompt waiting", async () => {
  const silent = new Readable({ read() {} });
  const { code, out, err } = await cli(["run", gpt2, "A", "--max-new-tokens", "1", "--json"], { stdin: silent });
  expect({ code, prompt: (JSON.parse(out) as { prompt: string }).prompt }).toEqual({ code: 0, prompt: "A" });
  expect(err).toContain("standard input is open but silent");
  expect(silent.destroyed).toBe(true);
});

test("a failure before standard input is read leaves it", async () => {
  const silent = new Readable({ read() {} });
  expect((await cli(["run", "no/such/model"], { stdin: silent })).code).toBe(1);
  expect(silent.destroyed).toBe(true);
});

test("commands that take texts read lines without a text, and ask a person for one", async () => {
  const args = ["classify", fixture("models/bert_cls"), "--json"];
  const { out } = await cli(args, { stdin: Readable.from(["A fox.\nA dog.\n"]) });
  expect(JSON.parse(out)).toHaveLength(2);
  const person = Object.assign(new Readable({ read() {} }), { isTTY: true });
  for (const [name, model] of [
    ["classify", "bert_cls"],
    ["embed", "bert"],
    ["tokenize", "gpt2"],
    ["translate", "marian"],
  ] as const)
    expect(await cli([name, fixture(`models/${model}`)], { stdin: person })).toMatchObject({
      code: 2,
      err: expect.stringContaining("there is no text"),
    });
});

/** Runs the built command line with a real standard input. */
function built(args: string[], stdin: "pipe" | "ignore" | number): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, ["dist/cli/main.js", ...args], { stdio: [stdin, "pipe", "inherit"] });
  let out = "";
  child.stdout?.on("data", (chunk) => (out += chunk));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out })));
}

test("a process with an open pipe, with a closed one and with a file ends", async () => {
  const file = join(await mkdtemp(join(tmpdir(), "lectern-")), "prompt.txt");
  await writeFile(file, "was red\n");
  const args = ["run", "stories", "The fox", "--max-new-tokens", "1", "--json"];
  const prompt = ({ out }: { out: string }): string => (JSON.parse(out) as { prompt: string }).prompt;
  expect(prompt(await built(args, "pipe"))).toBe("The fox"); // never ended by us
  expect(prompt(await built(args, "ignore"))).toBe("The fox");
  expect(prompt(await built(args, openSync(file, "r")))).toBe("The fox\nwas red");
});
