import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { fixture } from "./helpers/fixtures.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Runs a script against the built package, in a process of its own, and returns what it prints as JSON. */
function run<T>(script: string): T {
  const prelude = `import { loadModel } from "lectern";\nconst gpt2 = ${JSON.stringify(fixture("models/gpt2"))};\n`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", prelude + script], {
    cwd: root,
    encoding: "utf8",
    timeout: 30_000,
  });
  return JSON.parse(out) as T;
}

describe("the built package computes in a worker", () => {
  test("the event loop turns while it generates, and the process ends although nothing was disposed", () => {
    const { turns, tokens } = run<{ turns: number; tokens: number }>(`
      const model = await loadModel("models/stories");
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      const { outputIds } = await model.generate({ prompt: "Once" }, { maxNewTokens: 100, eosTokenId: null });
      clearInterval(timer);
      console.log(JSON.stringify({ turns, tokens: outputIds.length }));`);
    expect(tokens).toBe(100);
    expect(turns).toBeGreaterThan(20);
  });

  test("tensors, streams, cancellation and errors cross", () => {
    const result = run<Record<string, unknown>>(`
      const model = await loadModel(gpt2);
      const { logits } = await model.forward({ inputIds: [[1, 2, 3]] });
      const pieces = [];
      for await (const { id } of model.stream({ inputIds: [[1, 2]] }, { maxNewTokens: 8, doSample: false, eosTokenId: null }))
        pieces.push(id);
      const greedy = await model.generate({ inputIds: [[1, 2]] }, { maxNewTokens: 8, doSample: false, eosTokenId: null });
      const stopped = await model.generate({ inputIds: [[1, 2]] }, { maxNewTokens: 8, signal: AbortSignal.abort() });
      const code = (call) => call.then(() => "none", (error) => error.code);
      const outside = await code(model.generate({ inputIds: [[9999]] }));
      const thrown = await model
        .generate({ inputIds: [[1]] }, { onToken: () => { throw new Error("the caller's own"); } })
        .catch((error) => error.message);
      const logitsProcessor = (ids, scores) => { scores.fill(-Infinity); scores[ids.length] = 0; };
      const own = await model.generate({ inputIds: [[1, 2]] }, { logitsProcessor, stoppingCriteria: (ids) => ids.length === 5 });
      const short = await code(model.generate({ inputIds: [[1]] }, { logitsProcessor: () => new Float32Array(2) }));
      const broken = await model
        .generate({ inputIds: [[1]] }, { logitsProcessor: () => { throw new Error("broken"); } })
        .catch((error) => error.message);
      await Promise.all([model.dispose(), model.dispose()]);
      await model.dispose();
      const disposed = await code(model.forward({ inputIds: [[1]] }));
      const missing = await code(loadModel("no/such/directory"));
      console.log(JSON.stringify({
        shape: logits.shape, isFloat32: logits.data instanceof Float32Array, same: pieces.join() === greedy.outputIds.join(),
        stopped: stopped.finishReason, outside, thrown, disposed, missing, own: own.outputIds, short, broken,
      }));`);
    expect(result).toEqual({
      shape: [1, 3, 384],
      isFloat32: true,
      same: true,
      stopped: "abort",
      outside: "input",
      thrown: "the caller's own",
      disposed: "engine",
      missing: "file",
      own: [2, 3, 4],
      short: "usage",
      broken: "broken",
    });
  });
});

test("functions of the caller that reject, and adapters that change while the model computes", () => {
  const result = run<Record<string, unknown>>(`
    const model = await loadModel(gpt2);
    const own = async () => { await null; throw new Error("the caller's own"); };
    const message = (call) => call.then(() => "none", (error) => error.message);
    const prompt = { inputIds: [1] };
    const options = { maxNewTokens: 40, minNewTokens: 40 };
    const rejected = {};
    for (const name of ["onToken", "logitsProcessor", "stoppingCriteria"])
      rejected[name] = await message(model.generate(prompt, { ...options, [name]: own }));
    const strange = await message(model.generate(prompt, { logitsProcessor: () => () => {} }));
    let began;
    const beginning = new Promise((resolve) => { began = resolve; });
    const running = model.generate(prompt, { ...options, onToken: began });
    await beginning;
    const changes = [await message(model.useAdapter(undefined)), await message(model.addAdapter("a", gpt2))];
    const { outputIds } = await running;
    await model.useAdapter(undefined);
    const aborted = await model.generate(prompt, { signal: AbortSignal.abort() });
    console.log(JSON.stringify({ rejected, strange, changes, count: outputIds.length, aborted: aborted.outputIds }));`);
  expect(result).toEqual({
    rejected: {
      onToken: "the caller's own",
      logitsProcessor: "the caller's own",
      stoppingCriteria: "the caller's own",
    },
    strange: "generation: logitsProcessor must return 384 scores in a Float32Array; got a function",
    changes: ["none", expect.stringContaining("has no file adapter_config.json")],
    count: 40,
    aborted: [],
  });
});

test.each([0, 1, 10, 50])(
  "a load that is cancelled after %i ms ends with its worker, and with code abort",
  (waitMs) => {
    const result = run<Record<string, unknown>>(`
    const stop = new AbortController();
    const loading = loadModel("models/stories", { signal: stop.signal });
    const settled = loading.then(() => "loaded", (error) => error.code);
    await new Promise((resolve) => setTimeout(resolve, ${waitMs}));
    stop.abort();
    const model = await loadModel(gpt2);
    const { outputIds } = await model.generate({ inputIds: [1] }, { maxNewTokens: 2, minNewTokens: 2 });
    console.log(JSON.stringify({ code: await settled, count: outputIds.length }));`);
    expect(result).toEqual({ code: waitMs < 50 ? "abort" : expect.stringMatching(/^(abort|loaded)$/), count: 2 });
  },
);

describe("a model at work", () => {
  const atWork = (waitMs: number): string => `
    const model = await loadModel(gpt2);
    const options = { maxNewTokens: 50, minNewTokens: 50 };
    const going = model.generate({ inputIds: [[1]] }, options).then(() => "done", (error) => error.message);
    await new Promise((resolve) => setTimeout(resolve, ${waitMs}));`;
  const waits = [0, 5, 15, 30, 50]; // while its graphs are made, and later

  test.each(waits)("may be disposed (after %i ms)", (waitMs) => {
    const ends = run<string[]>(`${atWork(waitMs)}
      await model.dispose();
      console.log(JSON.stringify([await going]));`);
    expect(["done", "the model was disposed"]).toContain(ends[0]);
  });

  test.each(waits)("may be left by a process that ends (after %i ms)", (waitMs) => {
    expect(
      run<string>(`${atWork(waitMs)}
      console.log('"end"');
      process.exit(0);`),
    ).toBe("end");
  });
});

test("an interrupt leaves the text so far and exits 130", async () => {
  const long = ["--max-new-tokens", "500", "--min-new-tokens", "500"];
  const child = spawn(process.execPath, ["dist/cli/main.js", "run", "stories", "Once", ...long], { cwd: root });
  let text = "";
  let isInterrupted = false;
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk;
    if (text.length > "Once".length && !isInterrupted) isInterrupted = child.kill("SIGINT");
  });
  const code = await new Promise((resolve) => child.on("exit", resolve));
  expect(code).toBe(130);
  expect(text.startsWith("Once")).toBe(true);
  expect(text.length).toBeGreaterThan("Once".length);
});

test("a disk that is full leaves no file, neither half nor whole, and says so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const command = `ulimit -f 8; exec "${process.execPath}" dist/cli/main.js forward stories --text Once --out "${folder}/out.safetensors"`;
  const { status, stderr } = spawnSync("bash", ["-c", command], { cwd: root, encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^lectern: .*out\.safetensors/);
  expect(await readdir(folder)).toEqual([]);
});
