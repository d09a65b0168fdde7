import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { LecternError, percentile } from "../common/index.ts";

/** The outcome of a smoke test and a small load test. */
export interface SmokeReport {
  /** The route that was asked. */
  readonly route: string;
  /** Seconds from the start of the process until it was ready. */
  readonly startSeconds: number;
  readonly requests: number;
  readonly concurrency: number;
  /** Answers that were no 200. */
  readonly failures: number;
  /** Milliseconds of half and of 95 % of the answers. */
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly perSecond: number;
  /** The most memory that the process held, in MiB; undefined where the system does not say. */
  readonly peakMiB?: number | undefined;
  /** The exit code after SIGTERM. */
  readonly exitCode: number | null;
}

/** The load of a test. */
export interface SmokeOptions {
  /** The installation of Lectern that the folder is tried with. */
  readonly packageRoot: string;
  readonly requests?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Requests by the kind of model: the first that answers 200 is the one that is measured. */
const probes: readonly (readonly [route: string, body: (model: string) => object])[] = [
  ["/v1/completions", (model) => ({ model, prompt: "Hello", max_tokens: 8 })],
  ["/v1/classify", (model) => ({ model, input: "a joy to watch" })],
  ["/v1/embeddings", (model) => ({ model, input: "a joy to watch" })],
];

const START_SECONDS = 300;

/**
 * Starts a written server as its container or service would (`node start.mjs`), waits until it is ready, asks it, asks it by
 * several clients at once, and ends it with SIGTERM.
 *
 * @throws LecternError with code `engine` where it does not start, is not ready, or answers nothing
 */
export async function smokeTest(folder: string, name: string, options: SmokeOptions): Promise<SmokeReport> {
  const { requests = 40, concurrency = 4 } = options;
  const unlink = await linkPackage(folder, options.packageRoot);
  const key = "smoke-test-key";
  const began = performance.now();
  const env = { ...process.env, HOST: "127.0.0.1", PORT: "0", LECTERN_API_KEYS: key, FEEDBACK: "" };
  const child = spawn(process.execPath, ["start.mjs"], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  try {
    const url = await started(child);
    const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
    const post = (route: string, body: object): Promise<Response> =>
      fetch(url + route, { method: "POST", headers, body: JSON.stringify(body), signal: options.signal ?? null });
    await readiness(url, child);
    const startSeconds = (performance.now() - began) / 1000;
    const found = await firstAnswer(name, post);
    const load = await measure({ requests, concurrency }, () => post(found.route, found.body));
    const peakMiB = await peakOf(child.pid);
    child.kill("SIGTERM");
    const [exitCode] = (await ended) as [number | null];
    return { route: found.route, startSeconds, requests, concurrency, ...load, peakMiB, exitCode };
  } finally {
    if (child.exitCode === null) child.kill("SIGKILL");
    await unlink();
  }
}

/** Lets the folder find Lectern as an installed package, where it is not installed there; returns what undoes this. */
async function linkPackage(folder: string, packageRoot: string): Promise<() => Promise<void>> {
  const modules = join(folder, "node_modules");
  if (await lstat(join(modules, "lectern")).catch(() => undefined)) return async () => {};
  const isNew = (await lstat(modules).catch(() => undefined)) === undefined;
  await mkdir(modules, { recursive: true });
  await symlink(packageRoot, join(modules, "lectern"), "junction");
  return () => rm(isNew ? modules : join(modules, "lectern"), { recursive: true, force: true });
}

/** The address that the process prints. */
function started(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let [out, error] = ["", ""];
    child.stdout?.on("data", (piece) => {
      out += piece;
      const line = out.split("\n").find((each) => each.startsWith("{"));
      if (line !== undefined && out.includes("\n")) resolve((JSON.parse(line) as { url: string }).url);
    });
    child.stderr?.on("data", (piece) => {
      error = (error + piece).slice(-4000);
    });
    child.once("error", (cause) => reject(failure(cause.message)));
    child.once("exit", (code) => reject(failure(`it ended with ${code}: ${error.trim()}`)));
  });
}

const failure = (reason: string): LecternError =>
  new LecternError("engine", `deploy: the smoke test failed: ${reason}; the files are written, start.mjs starts them`);

async function readiness(url: string, child: ChildProcess): Promise<void> {
  const end = performance.now() + 1000 * START_SECONDS;
  while (performance.now() < end && child.exitCode === null) {
    const answer = await fetch(`${url}/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw failure(child.exitCode === null ? `it was not ready after ${START_SECONDS} s` : "it ended before it was ready");
}

async function firstAnswer(
  model: string,
  post: (route: string, body: object) => Promise<Response>,
): Promise<{ readonly route: string; readonly body: object }> {
  const reasons: string[] = [];
  for (const [route, bodyOf] of probes) {
    const body = bodyOf(model);
    const answer = await post(route, body);
    const text = await answer.text();
    if (answer.ok) return { route, body };
    reasons.push(`${route}: ${answer.status} ${text.slice(0, 200)}`);
  }
  throw failure(reasons.join("; "));
}

type Load = Pick<SmokeReport, "failures" | "medianMs" | "p95Ms" | "perSecond">;

async function measure(
  { requests, concurrency }: { readonly requests: number; readonly concurrency: number },
  ask: () => Promise<Response>,
): Promise<Load> {
  const times: number[] = [];
  let [left, failures] = [requests, 0];
  const began = performance.now();
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now();
      const answer = await ask();
      await answer.arrayBuffer();
      if (!answer.ok) failures++;
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  const seconds = (performance.now() - began) / 1000;
  const at = (share: number): number => percentile(times, share) ?? 0;
  return { failures, medianMs: at(0.5), p95Ms: at(0.95), perSecond: requests / seconds };
}

/** The largest resident set of a process; only Linux reports it. */
async function peakOf(pid: number | undefined): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}
