import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { freePort, hasRedis, startRedis } from "../helpers/redis.ts";
import { checkSchema } from "../server/server.ts";

/** npm run faults:batch sets the size of must-be-true figures; CI runs a small one. */
const REQUESTS = Number(process.env.LECTERN_BATCH_REQUESTS ?? 40);
const TIME = 120_000 + 2000 * REQUESTS;
const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Runs a command of batches. */
async function batch(redis: string, ...args: string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const run = promisify(execFile);
  return run(process.execPath, [main, "batch", ...args, "--redis", redis], { maxBuffer: 2 ** 28 });
}

interface Running {
  readonly process: ChildProcess;
  /** The requests that it completed, by its log. */
  readonly completed: string[];
  readonly closed: Promise<number | null>;
}

/** Starts a worker that ends when all is done. */
function startWorker(redis: string, ...args: string[]): Running {
  const flags = ["--until-done", "--max-sequences", "8", "--stall", "3", "--redis", redis, ...args];
  const child = spawn(process.execPath, [main, "batch", "work", "stories", ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const completed: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    const entry = JSON.parse(line) as { event: string; id: string };
    if (entry.event === "completed") completed.push(entry.id);
  });
  return { process: child, completed, closed: new Promise((resolve) => child.once("close", resolve)) };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(20);
}

const requests = Array.from({ length: REQUESTS }, (_, i) => ({
  custom_id: `request ${i}`,
  method: "POST",
  url: "/v1/completions",
  body: { model: "stories", prompt: `King ${i} had`, max_tokens: 1 + ((7 * i) % 6), temperature: 0.8, seed: i },
}));

/** A result without the time of its answer. */
function timeless(line: string): unknown {
  return JSON.parse(line, (key, value: unknown) => (key === "created" ? 0 : value));
}

/** Submits the requests and returns their results once workers are done. */
async function resultsOf(redis: string, run: (id: string) => Promise<readonly Running[]>): Promise<unknown[]> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const file = join(folder, "requests.jsonl");
  await writeFile(file, requests.map((request) => JSON.stringify(request)).join("\n"));
  const id = (await batch(redis, "submit", file)).stdout.trim();
  const workers = await run(id);
  const all = workers.flatMap(({ completed }) => completed);
  expect(new Set(all).size, "a request was completed twice").toBe(all.length);
  const out = join(folder, "results.jsonl");
  await batch(redis, "results", id, "--wait", "--out", out);
  const lines = (await readFile(out, "utf8")).trim().split("\n");
  await rm(folder, { recursive: true });
  return lines.map(timeless);
}

let expected: Promise<unknown[]> | undefined;

/** The results of one worker that nothing happens to. */
function undisturbed(): Promise<unknown[]> {
  expected ??= (async () => {
    await using redis = await startRedis();
    return await resultsOf(redis.url, async () => {
      const worker = startWorker(redis.url);
      await worker.closed;
      return [worker];
    });
  })();
  return expected;
}

describe.skipIf(!hasRedis)("batches over Redis", () => {
  test(
    "results come in the order of the file, in OpenAI's form",
    async () => {
      const results = (await undisturbed()) as { custom_id: string; response: { status_code: number; body: object } }[];
      expect(results.map(({ custom_id }) => custom_id)).toEqual(requests.map(({ custom_id }) => custom_id));
      for (const { response } of results) {
        expect(response.status_code).toBe(200);
        checkSchema("CreateCompletionResponse", response.body);
      }
    },
    TIME,
  );

  test(
    "a worker that is killed loses nothing: others do its requests, none twice, with the same answers",
    async () => {
      await using redis = await startRedis();
      const results = await resultsOf(redis.url, async () => {
        const [victim, other] = [startWorker(redis.url), startWorker(redis.url)];
        await until(() => victim.completed.length >= REQUESTS / 8 && other.completed.length > 0);
        victim.process.kill("SIGKILL");
        expect(await other.closed).toBe(0);
        return [victim, other];
      });
      expect(results).toEqual(await undisturbed());
    },
    TIME,
  );

  test(
    "a Redis that is killed and started again loses nothing",
    async () => {
      await using redis = await startRedis();
      const results = await resultsOf(redis.url, async () => {
        const workers = [startWorker(redis.url), startWorker(redis.url)];
        await until(() => workers.flatMap(({ completed }) => completed).length >= REQUESTS / 4);
        await redis.restart(4000); // longer than a command waits
        for (const { closed } of workers) expect(await closed).toBe(0);
        return workers;
      });
      expect(results).toEqual(await undisturbed());
    },
    TIME,
  );

  test(
    "SIGTERM gives requests back, and a submission that was interrupted goes on",
    async () => {
      await using redis = await startRedis();
      const results = await resultsOf(redis.url, async (id) => {
        const first = startWorker(redis.url, "--drain", "0.01", "--stall", "60"); // its hold outlasts a busy machine
        await until(() => first.completed.length >= 2);
        first.process.kill("SIGTERM");
        expect(await first.closed).toBe(0);
        const between = JSON.parse((await batch(redis.url, "status", id, "--json")).stdout);
        expect(between.request_counts).toMatchObject({ total: REQUESTS, failed: 0, missing: 0, running: 0 });
        await expect(batch(redis.url, "results", id)).rejects.toThrow("requests are done: wait with --wait");
        const second = startWorker(redis.url);
        await second.closed;
        return [first, second];
      });
      expect(results).toEqual(await undisturbed());
      const [{ id }] = JSON.parse((await batch(redis.url, "status", "--json")).stdout);
      await batch(redis.url, "remove", id);
      expect(JSON.parse((await batch(redis.url, "status", "--json")).stdout)).toEqual([]);
    },
    TIME,
  );

  test("a Redis that is not there and a batch that is not known are explained", async () => {
    const port = await freePort();
    await expect(batch(`redis://user:secret-word@127.0.0.1:${port}`, "status")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^lectern: batch: Redis at \S*\*@127\S* cannot be reached \(.*\): start redis-server, or give --redis$/m,
      ),
    });
    await using redis = await startRedis();
    await expect(batch(redis.url, "status", "batch_0")).rejects.toThrow("there is no batch batch_0");
  });
});
