import { expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { LecternError } from "../common/index.ts";
import type { GenerationOptions } from "../generation/index.ts";
import { KeyValueCache } from "./cache/key-value-cache.ts";
import { loadModel, type Model } from "./model.ts";
import { Scheduler, type StepEngine } from "./scheduler.ts";
import type { WeightFeeds } from "./weights.ts";

const sizes = { layers: 0, heads: 1, headSize: 1 };

/** An engine that notes the tokens of each run, and scores each row by its token. */
function probe(runs: number[][], feeds: object): StepEngine {
  return {
    sizes,
    feeds: feeds as StepEngine["feeds"],
    computedMs: 0,
    async extend(cache, tokens) {
      runs.push(tokens.flat());
      cache.append({}, tokens, cache.lengths);
      this.computedMs += 8;
      await new Promise((resolve) => setImmediate(resolve));
      if (tokens.flat().includes(13)) throw new LecternError("engine", "thirteen");
      return tokens.map(([token]) => Float32Array.of(token as number));
    },
  };
}

const rowsOf = (rows: number) => ({
  cache: new KeyValueCache(sizes, rows),
  at: Array.from({ length: rows }, (_, i) => i),
});

test("steps that are asked for together are one run, whose time is shared by rows", async () => {
  const runs: number[][] = [];
  const scheduler = new Scheduler();
  const none = {};
  const engines = [probe(runs, none), probe(runs, none)] as const;
  for (const engine of engines) scheduler.begin(engine);
  const rows = [rowsOf(1), rowsOf(3)] as const;
  const step = (i: 0 | 1, tokens: readonly number[]) =>
    scheduler.step({ engine: engines[i], rows: rows[i], tokens, memories: [] });
  expect(await Promise.all([step(0, [1]), step(1, [2, 3, 4])])).toEqual([
    [Float32Array.of(1)],
    [Float32Array.of(2), Float32Array.of(3), Float32Array.of(4)],
  ]);
  const { cache } = rows[0];
  expect(await Promise.all([step(1, [7, 8, 9]), step(0, [6])])).toMatchObject([[{}, {}, {}], [Float32Array.of(6)]]);
  expect(runs).toEqual([
    [1, 2, 3, 4],
    [6, 7, 8, 9],
  ]);
  expect(rows.map(({ cache: own }) => own === cache)).toEqual([true, true]); // not copied again
  expect(engines.map(({ computedMs }) => computedMs)).toEqual([4, 12]);
  scheduler.end(engines[0]);
  await step(1, [10, 11, 12]);
  expect(rows[1].at.map((row) => rows[1].cache.tokens[row])).toEqual([
    [2, 7, 10],
    [3, 8, 11],
    [4, 9, 12],
  ]);
});

test("a request that joins or leaves moves no other, and one that waits keeps its rows", async () => {
  const runs: number[][] = [];
  const scheduler = new Scheduler();
  const none = {};
  const all = Array.from({ length: 4 }, () => ({ engine: probe(runs, none), rows: rowsOf(1) }));
  const step = (...wanted: readonly number[]) =>
    Promise.all(
      wanted.map((i) => {
        const { engine, rows } = all[i] as (typeof all)[number];
        return scheduler.step({ engine, rows, tokens: [100 * i + runs.length], memories: [] });
      }),
    );
  const caches = () => all.map(({ rows: { cache } }) => cache);
  const tokensOf = (i: number) => all[i]?.rows.at.map((row) => all[i]?.rows.cache.tokens[row]);
  for (const { engine } of all.slice(0, 3)) scheduler.begin(engine);
  await step(0, 1, 2);
  const [joint] = caches();
  scheduler.end((all[0] as (typeof all)[number]).engine);
  scheduler.begin((all[3] as (typeof all)[number]).engine);
  await step(2, 1, 3);
  expect(caches()).toEqual([joint, joint, joint, joint]);
  expect(all.slice(1).map(({ rows }) => rows.at)).toEqual([[1], [2], [0]]); // in the place of the first
  expect(runs).toEqual([
    [0, 100, 200],
    [301, 101, 201],
  ]);
  await step(1, 3); // while another is busy
  expect(caches()[2]).toBe(joint);
  expect(caches()[1]).not.toBe(joint);
  await step(1, 2, 3);
  expect([1, 2, 3].map(tokensOf)).toEqual([[[100, 101, 102, 103]], [[200, 201, 203]], [[301, 302, 303]]]);
});

test("requests with different adapters are different runs, and a failure is that of one run", async () => {
  const runs: number[][] = [];
  const scheduler = new Scheduler();
  const engines = [probe(runs, { a: 1 }), probe(runs, { a: 2 })];
  for (const engine of engines) scheduler.begin(engine);
  const results = await Promise.allSettled(
    engines.map((engine, i) => scheduler.step({ engine, rows: rowsOf(1), tokens: [12 + i], memories: [] })),
  );
  expect(runs).toEqual([[12], [13]]);
  expect(results).toMatchObject([{ status: "fulfilled" }, { status: "rejected", reason: { message: "thirteen" } }]);
});

test("requests whose adapters are low-rank changes are one run, each row with its own", async () => {
  const runs: number[][] = [];
  const scheduler = new Scheduler();
  const factors = (): WeightFeeds => ({
    "layer.adapter_down": { dtype: "float32", shape: [1, 2], data: new Float32Array(2) },
  });
  const fed: (readonly WeightFeeds[] | undefined)[] = [];
  const engines = [factors(), factors()].map((feeds): StepEngine => {
    const engine = probe(runs, feeds);
    return {
      ...engine,
      extend(cache, tokens, options) {
        fed.push(options.feeds);
        return engine.extend(cache, tokens, options);
      },
    };
  });
  for (const engine of engines) scheduler.begin(engine);
  await Promise.all(engines.map((engine, i) => scheduler.step({ engine, rows: rowsOf(1), tokens: [i], memories: [] })));
  expect(runs).toEqual([[0, 1]]);
  expect(fed).toEqual([engines.map(({ feeds }) => feeds)]);
});

test.each([
  ["a long prompt is computed between steps", 256, ["chunk 1", "step", "chunk 2"]],
  ["short prompts are computed together before the next step", 20, ["chunk 1", "chunk 2", "step"]],
])("%s", async (_, tokens, expected) => {
  const order: string[] = [];
  const scheduler = new Scheduler();
  const engine = probe([], {});
  scheduler.begin(engine);
  const note = (what: string) => async () => void order.push(what);
  const chunks = [1, 2].map((i) => scheduler.chunk(tokens, note(`chunk ${i}`)));
  const step = scheduler.step({ engine, rows: rowsOf(1), tokens: [1], memories: [] }).then(note("step"));
  await Promise.all([...chunks, step]);
  expect(order).toEqual(expected);
});

test("prompts of a lower priority number are computed first", async () => {
  const order: number[] = [];
  const scheduler = new Scheduler();
  const priorities = [10, 0, 10, -1, 0];
  await Promise.all(priorities.map((own, i) => scheduler.chunk(256, async () => void order.push(i), own)));
  expect(order).toEqual([0, 3, 1, 4, 2]); // the first one had begun
});

async function outputs(model: Model, inputIds: readonly number[], options: GenerationOptions): Promise<unknown> {
  const { sequences } = await model.generate({ inputIds }, options);
  return sequences.map(({ outputIds, finishReason }) => ({ outputIds, finishReason }));
}

test.each(["llama_gqa", "gpt2", "phi3", "gemma3_text", "t5_relu", "bart", "marian"])(
  "%s: requests with options of their own get the same tokens together as alone",
  async (name) => {
    const location = fixture(`models/${name}`);
    const model = await loadModel(location);
    const requests: readonly (readonly [readonly number[], GenerationOptions])[] = [
      [[5, 6, 7], { doSample: false, maxNewTokens: 12, eosTokenId: null }],
      [[9], { doSample: true, seed: 3, temperature: 0.8, maxNewTokens: 20, eosTokenId: null }],
      [[5, 6, 7, 8, 9, 10, 11], { doSample: true, seed: 4, topK: 5, numReturnSequences: 3, maxNewTokens: 7 }],
      [[30, 31], { numBeams: 3, doSample: false, maxNewTokens: 9 }],
      [[12, 13, 14], { doSample: false, repetitionPenalty: 1.3, maxNewTokens: 15, minNewTokens: 15 }],
    ];
    const alone: unknown[] = [];
    for (const [ids, options] of requests) alone.push(await outputs(model, ids, options));
    const together = await Promise.all(requests.map(([ids, options]) => outputs(model, ids, options)));
    expect(together).toEqual(alone);
    await model.dispose();
  },
);

test("a request that is cancelled, fails or is slow leaves the others as they are", async () => {
  const model = await loadModel(fixture("models/llama_gqa"));
  const options = { doSample: false, maxNewTokens: 30, eosTokenId: null } as const;
  const alone = await outputs(model, [5, 6, 7], options);
  const stop = new AbortController();
  const cancelled = model.generate(
    { inputIds: [8, 9] },
    { ...options, signal: stop.signal, onToken: ({ id }) => void (id >= 0 && stop.abort()) },
  );
  const failing = model.generate(
    { inputIds: [10] },
    {
      ...options,
      logitsProcessor: (ids, scores) => {
        if (ids.length > 5) throw new Error("the caller's own");
        return scores;
      },
    },
  );
  const slow = model.generate(
    { inputIds: [5, 6, 7] },
    { ...options, stoppingCriteria: () => new Promise((resolve) => setTimeout(() => resolve(false), 3)) },
  );
  const [kept, ended, failed, late] = await Promise.allSettled([
    outputs(model, [5, 6, 7], options),
    cancelled,
    failing,
    slow,
  ]);
  expect(kept).toEqual({ status: "fulfilled", value: alone });
  expect(ended).toMatchObject({ value: { finishReason: "abort" } });
  expect(failed).toMatchObject({ reason: { message: "the caller's own" } });
  expect(late).toMatchObject({ value: { outputIds: (alone as [{ outputIds: number[] }])[0].outputIds } });
  await model.dispose();
});
