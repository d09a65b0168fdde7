import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cli } from "../../test/helpers/cli.ts";
import { fixture } from "../../test/helpers/fixtures.ts";
import { coreCount } from "./core-count.ts";

interface Document {
  readonly model: string;
  readonly prefill: Record<string, number>;
  readonly decode: Record<string, number>;
  readonly ceiling: Record<string, number>;
  readonly overhead: Record<string, number>;
  readonly overheadMs: number;
  readonly eventLoopDelayMs: number;
  readonly weightBytes: number;
  readonly memoryBandwidth: number;
  readonly peakMemoryMB: number;
  readonly precision: string;
  readonly threads: number;
  readonly device: string;
}

async function config(directory: string): Promise<Record<"n_embd" | "n_layer" | "vocab_size", number>> {
  return JSON.parse(await readFile(join(directory, "config.json"), "utf8"));
}

const short = ["--runs", "1", "--tokens", "16,8"];

describe("lectern bench", () => {
  test.each([
    ["stories", "float32"], // a decoder
    ["stories", "int8"],
    ["stories-gru", "float32"], // recurrent
    ["translate", "float32"], // an encoder–decoder
  ])("prints exactly one JSON document for %s in %s", async (model, precision) => {
    const args = ["bench", model, ...short, "--precision", precision, "--threads", "1", "--json"];
    const { code, out, err } = await cli(args);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const document = JSON.parse(out) as Document;
    expect(Object.keys(document)).toEqual([
      ...["model", "prefill", "decode", "ceiling", "overhead", "overheadMs", "eventLoopDelayMs", "weightBytes"],
      ...["memoryBandwidth", "peakMemoryMB", "precision", "threads", "device"],
    ]);
    expect(document).toMatchObject({ model, precision, threads: 1, device: "cpu" });
    for (const speeds of [document.prefill, document.decode, document.ceiling, document.overhead]) {
      expect(Object.keys(speeds)).toEqual(["8", "16"]);
      for (const speed of Object.values(speeds)) expect(speed).toBeGreaterThan(0);
    }
    expect(document.peakMemoryMB).toBeGreaterThan(0);
    expect(document.eventLoopDelayMs).toBeGreaterThanOrEqual(0);
    const share = ((document.decode[8] as number) * document.weightBytes) / document.memoryBandwidth;
    expect(document.ceiling[8]).toBeCloseTo(share, 3);
    expect(document.overhead[8]).toBeCloseTo(((document.decode[8] as number) * document.overheadMs) / 1000, 3);
  });

  test("counts the weights that a step reads, and not the table of words that it takes a row of", async () => {
    const { out } = await cli(["bench", fixture("models/gpt2"), "--runs", "1", "--tokens", "8", "--json"]);
    const { n_embd: width, n_layer: layers, vocab_size: words } = await config(fixture("models/gpt2"));
    const block = 12 * width * width + 13 * width; // attention, MLP and norms with their biases
    const floats = layers * block + 2 * width + words * width; // the table is the output's, too
    expect((JSON.parse(out) as Document).weightBytes / (4 * floats)).toBeCloseTo(1, 1);
  });

  test("prints a table, and takes a thread for each core by default", async () => {
    const { code, out } = await cli(["bench", "stories", ...short]);
    expect(code).toBe(0);
    const lines = out.split("\n");
    expect(lines[0]).toBe("tokens  prefill tokens/s  decode tokens/s  of ceiling  outside engine");
    expect(lines[1]).toMatch(/^ {5}8 +\d+\.\d +\d+\.\d +\d+\.\d % +\d+\.\d %$/);
    expect(lines[2]).toMatch(/^ {4}16 +\d+\.\d +\d+\.\d +\d+\.\d % +\d+\.\d %$/);
    expect(lines[4]).toMatch(/^float32, cpu, (1 thread|\d+ threads), peak memory \d+\.\d [MG]B$/);
  });

  test("leaves out lengths beyond the context window, and says so", async () => {
    const args = ["bench", fixture("models/gpt2"), "--runs", "1", "--tokens", "8,64,65"]; // its window holds 64
    const { code, out, err } = await cli([...args, "--json"]);
    expect(code).toBe(0);
    const { prefill, decode } = JSON.parse(out) as Document;
    expect([Object.keys(prefill), Object.keys(decode)]).toEqual([["8", "64"], ["8"]]);
    expect(err).toBe(
      "lectern: prefill at 65 tokens is left out: the context window holds 64\n" +
        "lectern: decode at 64 and 65 tokens is left out: the context window holds 64\n",
    );
    expect((await cli(args)).out).toMatch(/\n {4}64 +\d+\.\d +– +– +–\n/);
  });

  test.each([
    [["bench", "sentiment"], 1, "BERT is an encoder: it reads text and does not generate any; use forward"],
    [
      ["bench", fixture("models/bart_mnli"), "--tokens", "8"],
      1,
      "has no head that scores words and does not generate text",
    ],
    [["bench", fixture("models/gpt2")], 1, "holds 64 tokens; got lengths 128, 512; give smaller ones by --tokens"],
    [["bench", "stories", "--tokens", "128,x"], 2, "--tokens takes a whole number above 0; got x"],
    [["bench", "stories", "--runs", "0"], 2, "--runs takes a whole number above 0; got 0"],
    [["bench", "stories", "--precision", "int3"], 2, "precision must be one of float32, int8, int4, auto; got"],
  ])("%j is refused", async (args, code, message) => {
    const result = await cli(args);
    expect(result).toMatchObject({ code, out: "", err: expect.stringContaining(message) });
  });
});

test("a core is at least one, and no more than the processors that may be used", async () => {
  expect(await coreCount(1)).toBe(1);
});
