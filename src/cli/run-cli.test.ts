import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { fixture, maxDifference, readTensors, sharedPath } from "../../test/helpers/fixtures.ts";
import { runCli } from "./run-cli.ts";

async function cli(args: string[], stdin = ""): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const code = await runCli(args, {
    stdin: Readable.from([stdin]),
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
  });
  return { code, out, err };
}

const gpt2 = fixture("models/gpt2");

describe("lectern run", () => {
  test("prints exactly one JSON document with the contract's fields", async () => {
    const { code, out } = await cli(["run", gpt2, "When I grew up", "--max-new-tokens", "4", "--json"]);
    const document = JSON.parse(out) as Record<string, unknown>;
    expect(code).toBe(0);
    expect(Object.keys(document).sort()).toEqual([
      "finishReason",
      "inputIds",
      "model",
      "outputIds",
      "prompt",
      "sequences",
      "text",
      "timing",
      "usage",
    ]);
    expect(document.outputIds).toHaveLength(4);
    expect(document.usage).toMatchObject({ completionTokens: 4 });
  });

  test("prints a warning of the library as a line of its own", async () => {
    const { err } = await cli(["run", gpt2, "Once", "--max-new-tokens", "2", "--max-length", "9", "--quiet"]);
    expect(err).toMatch(/^lectern: .*maxLength has no effect beside maxNewTokens/m);
    expect(err).not.toContain("LecternWarning");
    expect(process.listeners("warning").filter(({ name }) => name === "show")).toEqual([]);
  });

  test("takes ids, --set and flags, flags winning", async () => {
    const { out } = await cli([
      "run",
      gpt2,
      "--input-ids",
      "5,9",
      "--set",
      "max_new_tokens=9",
      "--max-new-tokens",
      "2",
      "--json",
    ]);
    expect((JSON.parse(out) as { inputIds: number[]; outputIds: number[] }).inputIds).toEqual([5, 9]);
    expect((JSON.parse(out) as { outputIds: number[] }).outputIds).toHaveLength(2);
  });

  test.each([
    [
      ["run", "no/such/model", "x"],
      1,
      "model not found: no/such/model is not a directory, a bundled model (icl-large, icl-medium, icl-small, masked, sentiment, stories, stories-gru, translate)",
    ],
    [["run", gpt2, "x", "--low-memory"], 2, "unknown option"],
    [["run", gpt2, "x", "--dola-layers", "middle"], 2, "the value is not JSON"],
    [["run", gpt2, "x", "--set", "low_memory=true"], 1, "low_memory = true cannot be honoured"],
    [
      ["run", gpt2, "x", "--num-beams", "2", "--num-return-sequences", "3"],
      2,
      "numReturnSequences 3 is more than numBeams 2",
    ],
    [["run", gpt2, "x", "--max-new-tokens", "2", "--min-new-tokens", "3"], 2, "at least 3 new tokens"],
    [["run", gpt2, "x", "--suppress-tokens", "999"], 2, "suppressTokens names token 999"],
    [["run", fixture("models/bert"), "x"], 1, "BERT is an encoder"],
    [["run", gpt2, "x", "--set", "temperature=abc"], 2, "the value is not JSON"],
    [["run", gpt2, "x", "--temperature", "-3"], 2, "temperature must be a number from 0; got -3"],
    [["run", gpt2, "x", "--input-ids", "1"], 2, "not both"],
    [["run", gpt2, "--input-ids", "9999"], 1, "token id 9999 is outside the vocabulary of 384"],
    [["run", gpt2, "x", "--precision", "int3"], 2, "precision must be one of float32, int8, int4, auto; got"],
    [["fly"], 2, "unknown command"],
  ])("%j fails in words", async (args, code, message) => {
    const result = await cli(args);
    expect(result.err).toContain(message);
    expect(result).toMatchObject({ code, out: "" });
  });
});

test("lectern tokenize and its --decode are each other's inverse", async () => {
  const { ids } = JSON.parse((await cli(["tokenize", gpt2, "-", "--json"], "the wolf")).out) as { ids: number[] };
  expect(JSON.parse((await cli(["tokenize", gpt2, "--decode", ids.join(","), "--json"])).out)).toEqual({
    text: "the wolf",
  });
});

test("lectern forward writes what the reference computes, gradients included", async () => {
  const out = join(await mkdtemp(join(tmpdir(), "lectern-")), "out.safetensors");
  const { code } = await cli([
    "forward",
    gpt2,
    "--inputs",
    `${gpt2}/expected.safetensors`,
    "--gradients",
    "--out",
    out,
    "--quiet",
  ]);
  expect(code).toBe(0);
  const [written, expected] = [
    await readTensors(join(out, ".."), "out.safetensors"),
    await readTensors(gpt2, "expected.safetensors"),
  ];
  expect(maxDifference(written.loss as never, expected.loss as never)).toBeLessThan(1e-4);
  expect(Object.keys(written).filter((name) => name.startsWith("grad."))).toHaveLength(28);
});

const stories = sharedPath("data/models/stories260K-hf");

test.skipIf(!stories)("runs stories260K from an empty prompt (skipped where ../shared/data is absent)", async () => {
  const { out } = await cli([
    "run",
    stories as string,
    "",
    "--max-new-tokens",
    "20",
    "--set",
    "eos_token_id=null",
    "--json",
  ]);
  expect((JSON.parse(out) as { inputIds: number[] }).inputIds).toEqual([1]);
  expect((JSON.parse(out) as { outputIds: number[] }).outputIds.slice(0, 5)).toEqual([403, 407, 261, 378, 432]);
});

const miniLm = sharedPath("data/models/all-MiniLM-L6-v2");

test.skipIf(!miniLm)(
  "lectern embed gives the reference's vectors, alone and in a batch (skipped where ../shared/data is absent)",
  async () => {
    const { sentences } = JSON.parse(await readFile(`${miniLm}/expected.json`, "utf8")) as {
      sentences: { text: string }[];
    };
    const { embeddings: expected } = await readTensors(miniLm as string, "expected.safetensors");
    const embed = async (args: string[], stdin = ""): Promise<number[][]> => {
      const { code, out } = await cli(["embed", miniLm as string, ...args, "--json"], stdin);
      expect(code).toBe(0);
      return (JSON.parse(out) as { embeddings: number[][] }).embeddings;
    };
    const all = await embed([], sentences.map(({ text }) => text).join("\n"));
    expect(all).toHaveLength(sentences.length);
    const [first] = await embed([sentences[0]?.text as string]);
    for (const [i, vector] of all.entries())
      for (const [e, x] of vector.entries())
        expect(Math.abs(x - Number(expected?.data[i * 384 + e]))).toBeLessThan(1e-5);
    for (const [e, x] of (first as number[]).entries())
      expect(Math.abs(x - Number(expected?.data[e]))).toBeLessThan(1e-5);
  },
);
