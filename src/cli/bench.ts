import { availableParallelism } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Command } from "commander";
import { LecternError, median, throwIfAborted } from "../common/index.ts";
import type { Model } from "../inference/index.ts";
import { coreCount, MOST_THREADS } from "./core-count.ts";
import { bytesText } from "./download-progress.ts";
import { memoryBandwidth } from "./memory-bandwidth.ts";
import { DEVICE_OPTION, MODEL_ARGUMENT, PRECISION_OPTION } from "./models.ts";
import { count } from "./numbers.ts";
import { loadFor, type PipelineFlags } from "./pipeline-command.ts";
import { tableLines } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

/** The lengths that are measured, in tokens. */
const LENGTHS = [128, 512];
const RUNS = 5;
/** The number of decoding steps in one measurement. */
const STEPS = 32;
/** The interval at which the event loop's delay is sampled, in milliseconds, which the samples include. */
const DELAY_RESOLUTION_MS = 1;
/** Prompts are made of token ids below this: every larger vocabulary has them. */
const MOST_IDS = 1024;

interface BenchFlags extends PipelineFlags {
  readonly tokens?: string;
  readonly runs?: string;
}

/** Tokens per second, or shares of something, by length. */
type Speeds = Record<string, number>;

interface Measured {
  readonly prefill: Speeds;
  readonly decode: Speeds;
  /** The bytes of weights that a decoding step reads. */
  readonly weightBytes: number;
  /** The time that a step takes outside the engine: the median at the shortest length. */
  readonly overheadMs: number;
  /** The 99th percentile of how late the caller's event loop was while the model generated. */
  readonly eventLoopDelayMs: number;
}

/** `lectern bench MODEL` */
export function benchCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .argument("<model>", `a model that generates text: ${MODEL_ARGUMENT}`)
    .option(
      "--tokens <n,…>",
      "lengths to measure at: of the prompt for prefill, and of the context that decoding begins at, in an " +
        "encoder–decoder the length of the output; default 128,512",
    )
    .option("--runs <n>", "runs at each length, after one that warms up; the median is printed; default 5")
    .option(...PRECISION_OPTION)
    .option(...DEVICE_OPTION)
    .option("--base <model>", "the base model of an adapter's directory, in place of the one it names")
    .option("--threads <n>", "number of threads; default one for each core")
    .option("--force", "accept a tokenizer that does not belong to the model")
    .action(async (name: string, flags: BenchFlags) => {
      const lengths = readLengths(flags.tokens);
      const runs = count("--runs", flags.runs) ?? RUNS;
      const threads =
        count("--threads", flags.threads) ?? Math.min(await coreCount(availableParallelism()), MOST_THREADS);
      const context = { flags: { ...flags, threads: String(threads) }, terminal, signal };
      await using model = await loadFor(name, context, { prefixCacheBytes: 0 }); // every run computes its prompt
      const onRun = (run: number): void => {
        if (!flags.quiet) terminal.stderr.control(`\rrun ${run} of ${runs}`);
      };
      const measured = await measure(model, lengths, { runs, signal, onRun });
      if (!flags.quiet) terminal.stderr.control("\r\u001b[K");
      const { maxRSS } = process.resourceUsage(); // in KiB, of all threads
      const bandwidth = await memoryBandwidth(threads);
      noteMissing(model, lengths, measured, terminal);
      const report = { ...measured, threads, peakMemory: 1024 * maxRSS, bandwidth, model: name };
      if (flags.json) printJson(terminal, documentOf(model, report));
      else writeReport(model, report, terminal);
    });
}

interface Report extends Measured {
  /** The model's name. */
  readonly model: string;
  readonly threads: number;
  /** In bytes. */
  readonly peakMemory: number;
  /** The bytes that memory is read at in a second. */
  readonly bandwidth: number;
}

/** The shares of a decoding step, by length: of the speed that memory allows, and of the time outside the engine. */
function sharesOf({ decode, weightBytes, overheadMs, bandwidth }: Report): Record<"ceiling" | "overhead", Speeds> {
  const shares = (share: (speed: number) => number): Speeds =>
    Object.fromEntries(Object.entries(decode).map(([length, speed]) => [length, Number(share(speed).toFixed(4))]));
  return {
    ceiling: shares((speed) => (speed * weightBytes) / bandwidth),
    overhead: shares((speed) => (speed * overheadMs) / 1000),
  };
}

function documentOf({ precision, device }: Model, report: Report): object {
  const { prefill, decode, overheadMs, eventLoopDelayMs, weightBytes, bandwidth, peakMemory, threads } = report;
  return {
    ...{ model: report.model, prefill, decode, ...sharesOf(report), overheadMs, eventLoopDelayMs, weightBytes },
    ...{ memoryBandwidth: Math.round(bandwidth), peakMemoryMB: rounded(peakMemory / 1e6), precision, threads, device },
  };
}

function writeReport({ precision, device }: Model, report: Report, { stdout }: Terminal): void {
  const { prefill, decode, threads, peakMemory, weightBytes, bandwidth, overheadMs, eventLoopDelayMs } = report;
  const { ceiling, overhead } = sharesOf(report);
  const rows = Object.keys(prefill).map((length) => [
    ...[length, speedText(prefill[length]), speedText(decode[length])],
    ...[shareText(ceiling[length]), shareText(overhead[length])],
  ]);
  const headings = ["tokens", "prefill tokens/s", "decode tokens/s", "of ceiling", "outside engine"];
  stdout.write(`${tableLines([headings, ...rows], [0, 1, 2, 3, 4]).join("\n")}\n\n`);
  const of = threads === 1 ? "1 thread" : `${threads} threads`;
  stdout.write(
    `${precision}, ${device}, ${of}, peak memory ${bytesText(peakMemory)}\n` +
      `ceiling: memory is read at ${bytesText(bandwidth)}/s, and a decoding step reads ${bytesText(weightBytes)} of weights\n` +
      `outside the engine a step takes ${overheadMs.toFixed(3)} ms\n` +
      `event-loop delay while generating, 99th percentile: ${eventLoopDelayMs.toFixed(1)} ms\n`,
  );
}

/** Says which lengths do not fit. */
function noteMissing(
  { contextWindow }: Model,
  lengths: readonly number[],
  measured: Measured,
  terminal: Terminal,
): void {
  for (const phase of ["prefill", "decode"] as const) {
    const absent = missing(lengths, measured[phase]);
    if (absent.length > 0)
      terminal.stderr.write(
        `lectern: ${phase} at ${absent.join(" and ")} tokens is left out: the context window holds ${contextWindow}\n`,
      );
  }
}

/** Lengths in ascending order, each once. */
function readLengths(text: string | undefined): number[] {
  if (text === undefined) return LENGTHS;
  const lengths = text.split(",").map((part) => count("--tokens", part) as number);
  return [...new Set(lengths)].sort((a, b) => a - b);
}

interface Measurement {
  readonly runs: number;
  readonly signal: AbortSignal;
  /** Called before each run, from 1. */
  readonly onRun: (run: number) => void;
}

/**
 * Medians of the speeds at the lengths that fit in the model's context window. Rounds alternate between the lengths, so
 * other work on the machine falls on all of them.
 */
async function measure(
  model: Model,
  lengths: readonly number[],
  { runs, signal, onRun }: Measurement,
): Promise<Measured> {
  const { contextWindow } = model;
  const fitting = lengths.filter((length) => length <= contextWindow);
  if (fitting.length === 0)
    throw new LecternError(
      "input",
      `bench: the context window holds ${contextWindow} tokens; got lengths ${lengths.join(", ")}; give smaller ones by --tokens`,
    );
  const times = new Map(fitting.map((length) => [length, { prefill: [] as number[], decode: [] as number[] }]));
  const [overheads, delays] = [[] as number[], monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })];
  let weightBytes = 0;
  for (let run = 0; run <= runs; run++) {
    if (run === 1) delays.enable();
    if (run > 0) onRun(run);
    for (const [length, { prefill, decode }] of times) {
      const speeds = await measureOnce(model, length, signal);
      if (run === 0) continue; // compiles the graphs and reads the weights
      prefill.push(speeds.prefill);
      weightBytes = speeds.weightBytes;
      if (length === fitting[0]) overheads.push(speeds.overheadMs);
      if (speeds.decode !== undefined) decode.push(speeds.decode);
    }
  }
  delays.disable();
  const medians = (phase: "prefill" | "decode"): Speeds =>
    Object.fromEntries(
      [...times].flatMap(([length, { [phase]: all }]) => (all.length > 0 ? [[length, rounded(median(all))]] : [])),
    );
  return {
    prefill: medians("prefill"),
    decode: medians("decode"),
    weightBytes,
    overheadMs: Number(median(overheads).toFixed(4)),
    eventLoopDelayMs: rounded(Math.max(0, delays.percentile(99) / 1e6 - DELAY_RESOLUTION_MS)),
  };
}

interface Speed extends Pick<Measured, "weightBytes" | "overheadMs"> {
  readonly prefill: number;
  readonly decode: number | undefined;
}

/**
 * The speeds of one greedy generation, in tokens per second: up to the first token, and of the steps that follow where
 * they fit. An encoder–decoder reads a text of the length and is measured once its output has that length.
 */
async function measureOnce(model: Model, length: number, signal: AbortSignal): Promise<Speed> {
  const vocabularySize = Math.min(
    MOST_IDS,
    typeof model.config.vocab_size === "number" ? model.config.vocab_size : MOST_IDS,
    model.tokenizer?.vocabularySize ?? MOST_IDS,
  );
  const prompt = Array.from({ length }, (_, i) => 1 + ((7 * i) % (vocabularySize - 1)));
  const fits = length + STEPS <= model.contextWindow;
  const before = model.isEncoderDecoder ? length - 1 : 0;
  const times: number[] = [];
  const { timing } = await model.generate(
    { inputIds: [prompt] },
    {
      doSample: false,
      numBeams: 1,
      eosTokenId: null,
      maxNewTokens: fits ? before + 1 + STEPS : 1,
      signal,
      onToken: () => times.push(performance.now()),
    },
  );
  throwIfAborted(signal);
  const [first, last] = [times[before], times[before + STEPS]];
  const { totalMs, engineMs, weightBytes } = timing;
  return {
    weightBytes,
    overheadMs: (totalMs - engineMs) / times.length,
    prefill: (1000 * length) / timing.firstTokenMs,
    decode: first === undefined || last === undefined ? undefined : (1000 * STEPS) / (last - first),
  };
}

const rounded = (value: number): number => Number(value.toFixed(2));

const speedText = (speed: number | undefined): string => (speed === undefined ? "–" : speed.toFixed(1));

const shareText = (share: number | undefined): string => (share === undefined ? "–" : `${(100 * share).toFixed(1)} %`);

const missing = (lengths: readonly number[], speeds: Speeds): number[] =>
  lengths.filter((length) => speeds[length] === undefined);
