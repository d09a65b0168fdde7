import { expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { Admission, type EnterOptions, type Entry, type RequestSize, sizeOf } from "./admission.ts";
import { mostSlots } from "./cache/cache-sizes.ts";
import { loadModel } from "./model.ts";

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Enters under a name, and notes there who was let in or left, in order. */
function door(admission: Admission) {
  const order: string[] = [];
  const entries = new Map<string, Entry>();
  return {
    order,
    async enter(name: string, size: RequestSize, options?: EnterOptions): Promise<void> {
      const entry = await admission.enter(size, options);
      entries.set(name, entry);
      order.push(typeof entry === "string" ? `${name} ${entry}` : name);
    },
    async leave(name: string): Promise<void> {
      (entries.get(name) as () => void)();
      await settled();
    },
  };
}

const one = { sequences: 1, length: 10 };

test("requests beyond the limit wait, and enter first come first served within their priority", async () => {
  const admission = new Admission({ maxSequences: 2 }, 1);
  const { enter, leave, order } = door(admission);
  for (const name of ["a", "b", "c"]) void enter(name, one);
  void enter("later", one, { priority: "batch" });
  void enter("large", { sequences: 2, length: 10 });
  void enter("small", one);
  void enter("first", one, { priority: -1 });
  await settled();
  expect([order, admission.waiting]).toEqual([["a", "b"], 5]);
  await leave("a");
  expect(order).toEqual(["a", "b", "first"]);
  await leave("first");
  expect(order.at(-1)).toBe("c");
  await leave("c"); // one place is free, but none overtakes the large request
  expect(order.at(-1)).toBe("c");
  await leave("b");
  expect(order.at(-1)).toBe("large");
  await leave("large");
  expect(order.slice(-2)).toEqual(["small", "later"]);
});

test("room is that of all rows at the length of the longest", async () => {
  const admission = new Admission({ maxCacheBytes: 8 * 4 * mostSlots(100) }, 4);
  const { enter, leave, order } = door(admission);
  await enter("short", { sequences: 4, length: 5 });
  await enter("long", { sequences: 4, length: 100 });
  void enter("more", one);
  await settled();
  expect(order).toEqual(["short", "long"]);
  await leave("long");
  expect(order).toEqual(["short", "long", "more"]);
});

test("a request that waits may be cancelled or reach its deadline, and leaves the way free", async () => {
  const admission = new Admission({ maxSequences: 2 }, 1);
  const { enter, leave, order } = door(admission);
  await enter("a", one);
  const stop = new AbortController();
  const large = { sequences: 2, length: 10 };
  const cancelled = enter("cancelled", large, { signal: stop.signal });
  const late = enter("late", large, { maxTime: 0.02 });
  const small = enter("small", one);
  await settled();
  stop.abort();
  await cancelled;
  await late;
  await small;
  expect(order).toEqual(["a", "cancelled abort", "late time", "small"]);
  await leave("a");
  expect(admission.waiting).toBe(0);
  await enter("gone", one, { signal: stop.signal });
  expect(order.at(-1)).toBe("gone abort");
});

test("a request that could not run alone is refused with the numbers", async () => {
  await expect(new Admission({ maxSequences: 2 }, 1).enter({ sequences: 3, length: 1 })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining(
      "the request needs 3 sequences at once, and maxSequences is 2: give fewer prompts",
    ),
  });
  await expect(new Admission({ maxCacheBytes: 1000 }, 8).enter({ sequences: 2, length: 60 })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining(
      "needs 2048 bytes for keys and values (2 of 60 tokens, 8 bytes each), and maxCacheBytes is 1000",
    ),
  });
});

test.each([
  [{}, "autoregressive", { sequences: 2, length: 12 }],
  [{ numReturnSequences: 3, maxNewTokens: 5 }, "autoregressive", { sequences: 6, length: 9 }],
  [{ guidanceScale: 2, maxNewTokens: 50 }, "autoregressive", { sequences: 4, length: 12 }],
  [{ numBeams: 4, maxLength: 6 }, "beams", { sequences: 4, length: 6 }],
  [{ topK: 5, maxNewTokens: 1 }, "contrastive", { sequences: 5, length: 5 }],
  [{ maxNewTokens: 1 }, "speculative", { sequences: 1, length: 5 }],
] as const)("the size of a request with %j", (options, strategy, expected) => {
  const rows = [[1, 2, 3, 4], [5]];
  expect(sizeOf({ strategy, options, rows, contextWindow: 11, isEncoderDecoder: false })).toEqual(expected);
});

test("the rows of an encoder–decoder hold what it reads and what it writes", () => {
  const request = {
    strategy: "autoregressive",
    rows: [[1, 2, 3, 4]],
    contextWindow: 50,
    isEncoderDecoder: true,
  } as const;
  expect(sizeOf({ ...request, options: { maxNewTokens: 6 } })).toEqual({ sequences: 1, length: 11 });
});

const options = { doSample: false, maxNewTokens: 10, eosTokenId: null } as const;

test("a model with limits lets requests wait, gives the same tokens, and reports the wait", async () => {
  const location = fixture("models/llama_gqa");
  const free = await loadModel(location);
  const model = await loadModel(location, { maxSequences: 2 });
  const prompts = [[5, 6, 7], [8], [9, 10], [11, 12, 13, 14]];
  let running = 0;
  let most = 0;
  const results = await Promise.all(
    prompts.map(async (inputIds) => {
      const seen = new Set<number>();
      const onToken = (): void => {
        if (!seen.has(0)) most = Math.max(most, ++running);
        seen.add(0);
      };
      const result = await model.generate({ inputIds }, { ...options, onToken });
      running--;
      return result;
    }),
  );
  expect(most).toBe(2);
  for (const [i, inputIds] of prompts.entries())
    expect(results[i]?.outputIds).toEqual((await free.generate({ inputIds }, options)).outputIds);
  expect(results[0]?.timing.queueMs).toBeLessThan(results[3]?.timing.queueMs as number);
  await expect(model.generate({ inputIds: prompts }, options)).rejects.toThrow("maxSequences is 2");
  await expect(model.generate({ inputIds: [5] }, { priority: "soon" as never })).rejects.toThrow(
    'generate: priority must be interactive, batch or a whole number; got "soon"',
  );
  for (const each of [free, model]) await each.dispose();
});

test("a request whose time is over while it waits has no tokens, one whose model is disposed fails", async () => {
  const model = await loadModel(fixture("models/llama_gqa"), { maxSequences: 1 });
  let end = (): void => {};
  const held = new Promise<boolean>((resolve) => {
    end = () => resolve(false);
  });
  const first = model.generate({ inputIds: [5] }, { ...options, stoppingCriteria: () => held });
  first.catch(() => {}); // awaited below
  const late = await model.generate({ inputIds: [6] }, { ...options, maxTime: 0.02 });
  expect(late).toMatchObject({ outputIds: [], finishReason: "time", usage: { completionTokens: 0 } });
  const stop = new AbortController();
  const cancelled = model.generate({ inputIds: [6] }, { ...options, signal: stop.signal });
  stop.abort();
  expect(await cancelled).toMatchObject({ outputIds: [], finishReason: "abort" });
  const waiting = Promise.allSettled([7, 8].map((id) => model.generate({ inputIds: [id] }, options)));
  const disposed = model.dispose();
  end();
  const gone = { status: "rejected", reason: { code: "engine", message: "the model was disposed" } };
  expect(await waiting).toMatchObject([gone, gone]);
  await expect(first).rejects.toThrow("the model was disposed");
  await disposed;
});
