import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { runCli } from "./run-cli.ts";

async function cli(args: string[], stdin: string | Readable = ""): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await runCli(args, {
    stdin: typeof stdin === "string" ? Readable.from([stdin]) : stdin,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
  });
  return { code, out, err };
}

const model = (name: string) => fixture(`models/${name}`);

describe("the commands of pipelines", () => {
  test.each([
    [["classify", model("bert_cls"), "A fox ran."], { results: ["label", "score"] }],
    [
      ["classify", model("bart_mnli"), "A fox ran.", "--labels", "a,b", "--multi-label"],
      { results: ["label", "score"] },
    ],
    [["fill-mask", model("bert"), "The [MASK] ran."], { results: ["tokenId", "token", "score", "text"] }],
    [["ner", model("bert_ner"), "Hans!"], { results: ["entity", "word", "score", "start", "end"] }],
    [["translate", model("marian"), "A fox.", "--max-new-tokens", "3"], ["text"]],
    [["summarize", model("bart"), "A fox.", "--max-new-tokens", "3", "--num-beams", "2"], ["text"]],
    [
      ["answer", model("bert_qa"), "Who?", "--context", "A fox."],
      ["text", "score", "start", "end"],
    ],
    [["embed", model("bert"), "A fox."], ["embeddings"]],
  ] as const)("%j prints the contract's fields", async (args, expected) => {
    const { code, out, err } = await cli([...args, "--json"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const document = JSON.parse(out) as Record<string, unknown>;
    if (Array.isArray(expected)) return expect(Object.keys(document)).toEqual(expected);
    const { results } = document as { results: object[] };
    expect(Object.keys(results[0] as object)).toEqual((expected as unknown as { results: string[] }).results);
  });

  test("classify tells all labels, best first, and as many as are asked for", async () => {
    const read = async (...more: string[]) =>
      (
        JSON.parse((await cli(["classify", model("bert_cls"), "x", "--json", ...more])).out) as {
          results: { score: number }[];
        }
      ).results;
    const all = await read();
    expect(all).toHaveLength(2);
    expect(all[0]?.score).toBeGreaterThan(all[1]?.score as number);
    expect(await read("--top-k", "1")).toEqual(all.slice(0, 1));
  });

  test("lines of standard input give an array, one line an object, none an empty array", async () => {
    const read = async (stdin: string): Promise<unknown> =>
      JSON.parse((await cli(["translate", model("marian"), "-", "--json", "--max-new-tokens", "3"], stdin)).out);
    expect(await read("A fox.\n\nSing.\r\n")).toEqual([{ text: expect.any(String) }, { text: expect.any(String) }]);
    expect(await read("A fox.\n")).toEqual({ text: expect.any(String) });
    expect(await read("")).toEqual([]);
    expect(JSON.parse((await cli(["embed", model("bert"), "-", "--json"], "")).out)).toEqual({ embeddings: [] });
  });

  test("standard input without end is answered as it comes", async () => {
    let given = 0;
    let [out, stop] = ["", () => {}];
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    async function* lines() {
      while (given < 400) yield `line ${given++}\n`;
      await stopped;
    }
    const done = runCli(["classify", model("bert_cls"), "-"], {
      stdin: Readable.from(lines()),
      stdout: { write: (text) => (out += text) },
      stderr: process.stderr,
      env: {},
    });
    while (out.split("\n").length <= 400) await new Promise((resolve) => setTimeout(resolve, 5));
    stop();
    expect(await done).toBe(0);
    expect(out.trim().split("\n")).toHaveLength(400);
  });

  test.each([
    [["classify", model("bert_cls"), "x", "--multi-label"], 2, "go with --labels"],
    [["classify", model("bart_mnli"), "x", "--labels", " , "], 2, "at least one of candidateLabels"],
    [["classify", model("bert_cls"), "x", "--top-k", "many"], 2, "--top-k takes a whole number above 0"],
    [["classify", model("bert_cls"), "x", "--threads", "0"], 2, "--threads takes a whole number above 0"],
    [["fill-mask", model("bert"), "x"], 1, "each text needs the mask token [MASK]"],
    [["ner", model("bert_ner"), "x", "--aggregation", "all"], 2, "--aggregation takes none"],
    [["answer", model("bert_qa"), "Who?"], 2, "--context TEXT or --context-file FILE"],
    [["answer", model("bert_qa"), "-", "--context", "-"], 2, "cannot be both"],
    [["answer", model("bert_qa"), "Who?", "--context-file", "no/such"], 1, "--context-file no/such cannot be read"],
    [["translate", model("gpt2"), "x"], 1, "use text-generation"],
    [["translate", model("marian"), "x", "--num-beams", "0"], 2, "num"],
    [["summarize", model("bart"), "x", "--low-memory"], 2, "unknown option"],
    [["run", model("gpt2"), "x", "--system", "y"], 1, "this model has no chat template"],
    [["run", model("gpt2"), "--messages", "no/such"], 1, "--messages no/such cannot be read"],
    [["run", model("gpt2"), "--input-ids", "1", "--system", "y"], 2, "cannot be combined with --system or --messages"],
  ] as const)("%j fails in words", async (args, code, message) => {
    const result = await cli([...args]);
    expect(result.err).toContain(message);
    expect(result).toMatchObject({ code, out: "" });
  });
});

test("lectern embed --prompt puts a text before each text; a prompt that the model lacks is refused by name", async () => {
  const embed = async (...args: string[]) =>
    (JSON.parse((await cli(["embed", model("bert"), ...args, "--json"])).out) as { embeddings: number[][] }).embeddings;
  expect(await embed("fox", "--prompt", "the ")).toEqual(await embed("the fox"));
  expect(await embed("fox", "--prompt", "the ")).not.toEqual(await embed("fox"));
  expect(await cli(["embed", model("bert"), "fox", "--prompt-name", "query"])).toMatchObject({
    code: 2,
    err: expect.stringContaining('the model has no prompt "query"; it has none'),
  });
});

test("lectern run --system and --messages are the same conversation as messages in the library", async () => {
  const file = join(await mkdtemp(join(tmpdir(), "lectern-")), "messages.json");
  await writeFile(file, JSON.stringify({ messages: [{ role: "user", content: "Hi" }] }));
  const flags = ["--json", "--max-new-tokens", "4", "--set", "do_sample=false"];
  const chat = model("llama_chat");
  const read = async (...args: string[]) =>
    JSON.parse((await cli(["run", chat, ...args, ...flags])).out) as { inputIds: number[]; outputIds: number[] };
  const both = await read("--messages", file, "--system", "Be a fox.");
  const system = await read("Hi", "--system", "Be a fox.");
  expect(both.inputIds).toEqual(system.inputIds);
  expect(both.outputIds).toEqual(system.outputIds);
  expect((await read("--messages", file)).inputIds.length).toBeLessThan(both.inputIds.length);
  await writeFile(file, '{"messages": 3}');
  expect((await cli(["run", chat, "--messages", file])).err).toContain("must hold a list of messages");
});
