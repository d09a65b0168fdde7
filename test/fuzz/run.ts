import { type ChildProcess, fork } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleChild, root } from "./bundle.ts";
import { type FromChild, shares, type TargetName, type ToChild } from "./protocol.ts";

/** Computing time that a case may take; a machine that is busy with other work does not count. */
const MOST_CPU_SECONDS = 5;
/** Time in which nothing is computed, such as waiting for a pipe that nobody writes. */
const MOST_IDLE_SECONDS = 20;
const MOST_MEMORY_KB = 2 * 1024 * 1024;
/** So many processes run at once. */
const AT_ONCE = 2;
/** So many cases share a process. */
const PER_CHILD = 500;

export interface Fault {
  readonly target: TargetName;
  readonly seed: number;
  readonly index: number;
  readonly what: string;
}

export interface FuzzOptions {
  readonly seed: number;
  /** Of all targets together. */
  readonly cases: number;
  readonly only?: readonly TargetName[] | undefined;
  /** One case alone, with its files kept. */
  readonly index?: number | undefined;
  readonly onFault?: (fault: Fault) => void;
}

/** Runs cases in children, which may hang or end; returns what is neither a result nor a failure in words. */
export async function fuzz(options: FuzzOptions): Promise<Fault[]> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-fuzz-"));
  const names = (Object.keys(shares) as TargetName[]).filter((name) => options.only?.includes(name) ?? true);
  const all = names.reduce((sum, name) => sum + shares[name], 0);
  const faults: Fault[] = [];
  try {
    const script = await bundleChild(folder);
    const waiting = [...names];
    const work = async (): Promise<void> => {
      const target = waiting.shift();
      if (target === undefined) return;
      const count = Math.max(1, Math.round((options.cases * shares[target]) / all));
      const [from, to] = options.index === undefined ? [0, count] : [options.index, options.index + 1];
      const report = (index: number, what: string): void => {
        const fault = { target, seed: options.seed, index, what };
        faults.push(fault);
        options.onFault?.(fault);
      };
      for (let at = from; at < to; ) {
        const keep = options.index !== undefined;
        const place = keep ? join(tmpdir(), `lectern-fuzz-${target}-${options.seed}`) : join(folder, target);
        const job = { target, seed: options.seed, from: at, to: Math.min(to, at + PER_CHILD), folder: place, keep };
        at = await runChild(script, job, report);
      }
      await work();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return faults;
}

/** Runs cases in one child, until it is done or a case ended it; returns where to go on. */
async function runChild(script: string, job: ToChild, report: (index: number, what: string) => void): Promise<number> {
  const child = fork(script, {
    execArgv: ["--max-old-space-size=1500", "--enable-source-maps"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: {
      ...process.env,
      LECTERN_CACHE: join(job.folder, "cache"),
      HF_HUB_OFFLINE: "1",
      LECTERN_FUZZ_ROOT: root,
      OMP_NUM_THREADS: "1",
    },
  });
  let said = "";
  child.stderr?.on("data", (chunk) => (said = `${said}${chunk}`.slice(-2000)));
  let [current, next, why, cpuBefore] = [-1, job.from, "", 0];
  let lastChange = Date.now();
  let hasEnded = false;
  child.on("message", (message: FromChild) => {
    lastChange = Date.now();
    if ("ready" in message) child.send(job);
    else if ("begun" in message) current = message.begun;
    else if ("ended" in message) hasEnded = child.disconnect() === undefined && child.kill();
    else {
      if (message.fault !== undefined) report(message.done, message.fault);
      else if (message.maxRSS > MOST_MEMORY_KB) report(message.done, `took ${message.maxRSS >> 10} MB`);
      [current, next] = [-1, message.done + 1];
      if (message.maxRSS > MOST_MEMORY_KB) child.kill("SIGKILL"); // what follows would be blamed too
    }
  });
  const gone = new Promise<string>((resolve) => child.once("exit", (code, signal) => resolve(`${signal ?? code}`)));
  let watched = -1;
  const watch = setInterval(async () => {
    const cpu = await cpuSeconds(child);
    if (current !== watched) [watched, cpuBefore] = [current, cpu];
    if (current < 0) return;
    const idle = (Date.now() - lastChange) / 1000;
    if (cpu - cpuBefore > MOST_CPU_SECONDS) why = `computes for more than ${MOST_CPU_SECONDS} s`;
    else if (idle > MOST_IDLE_SECONDS && cpu - cpuBefore < MOST_IDLE_SECONDS / 10)
      why = `waits for more than ${MOST_IDLE_SECONDS} s`;
    if (why !== "") child.kill("SIGKILL");
  }, 200);
  const end = await gone;
  clearInterval(watch);
  if (hasEnded) return job.to;
  if (current >= 0) {
    report(current, `${why || `ended the process: ${end}`}\n${said}`.trim());
    return current + 1;
  }
  if (next === job.from) throw new Error(`the fuzzer's child ended with ${end}\n${said}`);
  return next;
}

/** User and system time of a process so far; 0 where the system does not say. */
async function cpuSeconds({ pid }: ChildProcess): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}
