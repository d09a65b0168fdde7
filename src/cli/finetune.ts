import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { LecternError } from "../common/index.ts";
import type { Evaluation, FinetuneOptions, RunReport, TrainingTaskName } from "../training/index.ts";
import { trainingTasks } from "./choices.ts";
import { type CommandContext, MODEL_ARGUMENT, type ModelFlags, resolveModel } from "./models.ts";
import { count, number } from "./numbers.ts";
import { addRenamedFlags, onRenamed, presentFlags } from "./renamed-flags.ts";
import { printJson, type Terminal } from "./terminal.ts";
import { described, progress, readJson, resumption, stopping } from "./train.ts";

interface FinetuneFlags extends ModelFlags {
  readonly task: TrainingTaskName;
  readonly out: string;
  readonly validation?: string;
  readonly epochs?: string;
  readonly batchSize?: string;
  readonly gradientAccumulationSteps?: string;
  readonly learningRate?: string;
  readonly seed?: string;
  readonly maxLength?: string;
  readonly column?: string[];
  readonly labelSmoothing?: string;
  readonly balanceClasses?: boolean;
  readonly prefix?: string;
  readonly lora?: boolean;
  readonly loraRank?: string;
  readonly loraAlpha?: string;
  readonly loraDropout?: string;
  readonly loraTargets?: string;
  readonly precision?: "float32" | "int8" | "int4";
  readonly dora?: boolean;
  readonly rslora?: boolean;
  readonly preferenceLoss?: "sigmoid" | "hinge" | "ipo" | "orpo" | "simpo";
  readonly beta?: string;
  readonly config?: string;
  readonly threads?: string;
  readonly studio?: boolean;
}

/** Flags of version 0.1 that have other names now. */
const renamed = {
  "--rows": "--batch-size",
  "--accumulate": "--gradient-accumulation-steps",
  "--rate": "--learning-rate",
} as const;

/** `lectern finetune MODEL DATA --task TASK --out DIRECTORY` */
export function finetuneCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  const withOptions = addRenamedFlags(command, renamed)
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<data>", "examples: .csv, .tsv, .jsonl or .json, also with .gz")
    .addOption(new Option("--task <task>", "what to learn").choices([...trainingTasks]).makeOptionMandatory())
    .requiredOption("--out <directory>", "where the model, or its adapter, and the checkpoint go")
    .option("--validation <file>", "held-out examples; default: a random tenth of the data")
    .option("--epochs <n>", "how often all examples are seen; default 3, up to 20 for few examples")
    .option("--batch-size <n>", "examples in a batch; default 16")
    .option("--gradient-accumulation-steps <n>", "batches in a step; default 1")
    .option("--learning-rate <x>", "the highest learning rate; default 5e-5, of adapters 5e-4")
    .option("--seed <n>", "another seed gives another split, order and head")
    .option("--max-length <n>", "tokens of a row at most; default 256, or the model's window")
    .option(
      "--column <name=column>",
      "reads a column that has another name; may be repeated",
      (value, all: string[] = []) => [...all, value],
    )
    .option("--label-smoothing <x>", "the share of the target spread over all classes")
    .option("--balance-classes", "count classes by how rare they are")
    .option("--prefix <text>", "put before each source text");
  return addAdapterFlags(withOptions)
    .addOption(new Option("--preference-loss <kind>").choices(["sigmoid", "hinge", "ipo", "orpo", "simpo"]))
    .option("--beta <x>", "how much a preference counts; default 0.1")
    .option("--config <file>", "settings of the run in JSON: optimizer, schedule, maxGradNorm, groups, patience …")
    .option("--threads <n>", "how many threads compute")
    .option("--studio", "show the run in the studio while it goes on: loss, samples, confusion")
    .action(async (model: string, data: string, given: FinetuneFlags) => {
      const flags = presentFlags(given, renamed, terminal);
      const options = { ...(await optionsOf(flags, terminal)), data };
      if (!flags.studio) return run(model, options, { flags, terminal, signal });
      const { openRunPage } = await import("./finetune-studio.ts");
      const command = `lectern finetune ${model} ${data} --task ${flags.task} --out ${flags.out}`;
      const page = await openRunPage({ ...options, model, command }, { flags, terminal, signal });
      try {
        await run(model, { ...options, keepEvaluated: true }, { flags, terminal, signal }, page.onReport);
        await page.finish();
      } finally {
        await page.close();
      }
    });
}

interface RunContext extends CommandContext {
  readonly flags: FinetuneFlags;
}

/** Trains, and prints the result. @param onReport hears of each step, beside the terminal */
async function run(
  model: string,
  options: Omit<FinetuneOptions, "model">,
  { flags, terminal, signal }: RunContext,
  onReport?: (report: RunReport) => void,
): Promise<void> {
  const { finetune } = await import("./lazy/training.ts");
  const { parseHubId } = await import("../formats/hub/node.ts");
  const print = progress(flags, terminal);
  const { step, evaluation, stoppedEarly, plan } = await finetune({
    model: await resolveModel(model, { flags, terminal, signal }),
    ...options,
    baseName: existsSync(model) ? undefined : parseHubId(model)?.repository,
    signal,
    onReport(report) {
      print(report);
      onReport?.(report);
    },
    onResume: resumption(flags, terminal),
    onStop: stopping(flags, terminal),
    onStart({ training, heldOut, labels, fresh, learned, total, steps }) {
      if (flags.quiet) return;
      const classes = labels.length > 0 ? `, classes: ${labels.join(", ")}` : "";
      terminal.stderr.write(`${training} examples to learn from, ${heldOut} held out${classes}\n`);
      if (fresh.length > 0) terminal.stderr.write(`newly initialised: ${fresh.join(", ")}\n`);
      terminal.stderr.write(`${learned} of ${total} parameters are learned, in ${steps} steps\n`);
    },
  });
  if (flags.json) return printJson(terminal, { step, stoppedEarly, ...evaluation, plan, out: flags.out });
  if (evaluation?.confusion) terminal.stdout.write(confusionTable(evaluation.confusion));
  terminal.stdout.write(`${step} steps; held out: ${described(evaluation)}; written to ${flags.out}\n`);
  if (flags.task === "text-classification") terminal.stdout.write(`try it: lectern classify ${flags.out} "…"\n`);
}

function addAdapterFlags(command: Command): Command {
  return command
    .option("--lora", "learn an adapter instead of all weights")
    .option("--lora-rank <n>", "default 8")
    .option("--lora-alpha <x>", "default twice the rank")
    .option("--lora-dropout <share>", "of what the adapter reads, in training; default none")
    .option("--lora-targets <names>", "linear layers by name, with commas; default all")
    .addOption(
      new Option("--precision <kind>", "of the base below an adapter; default float32").choices([
        "float32",
        "int8",
        "int4",
      ]),
    )
    .option("--dora", "learn size and direction apart")
    .option("--rslora", "scale by the root of the rank");
}

async function optionsOf(flags: FinetuneFlags, terminal: Terminal): Promise<Omit<FinetuneOptions, "model" | "data">> {
  const { parseRunOverrides } = await import("./lazy/training.ts");
  const loraDropout = number("--lora-dropout", flags.loraDropout, "a share from 0 to below 1");
  const rank = count("--lora-rank", flags.loraRank) ?? 8;
  const isLora =
    flags.lora ||
    flags.dora ||
    flags.rslora ||
    [flags.loraRank, flags.loraAlpha, flags.loraDropout, flags.loraTargets].some((flag) => flag !== undefined);
  const names = flags.loraTargets?.split(",").map((name) => name.trim());
  const targets = flags.loraTargets === "all-linear" ? flags.loraTargets : names;
  return {
    task: flags.task,
    out: flags.out,
    validation: flags.validation,
    epochs: number("--epochs", flags.epochs, "a number above 0"),
    batchSize: count("--batch-size", flags.batchSize),
    gradientAccumulationSteps: count("--gradient-accumulation-steps", flags.gradientAccumulationSteps),
    learningRate: number("--learning-rate", flags.learningRate, "a number above 0"),
    seed: number("--seed", flags.seed, "a whole number from 0"),
    maxLength: count("--max-length", flags.maxLength),
    columns: Object.fromEntries((flags.column ?? []).map(readColumn)),
    labelSmoothing: number("--label-smoothing", flags.labelSmoothing, "a share from 0 to below 1"),
    balanceClasses: flags.balanceClasses,
    prefix: flags.prefix,
    preference:
      flags.preferenceLoss === undefined && flags.beta === undefined
        ? undefined
        : {
            ...(flags.preferenceLoss && { kind: flags.preferenceLoss }),
            ...(flags.beta !== undefined && { beta: number("--beta", flags.beta, "a number above 0") as number }),
          },
    lora: isLora
      ? {
          r: rank,
          loraAlpha: number("--lora-alpha", flags.loraAlpha, "a number above 0") ?? 2 * rank,
          useDora: flags.dora ?? false,
          loraDropout,
          useRslora: flags.rslora ?? false,
          ...(targets && { targetModules: targets }),
        }
      : undefined,
    precision: flags.precision,
    config:
      flags.config === undefined
        ? undefined
        : (parseRunOverrides(
            await readJson(flags.config, "--config"),
            "--config",
            onRenamed(flags, terminal),
          ) as FinetuneOptions["config"]),
    threads: count("--threads", flags.threads),
  };
}

function readColumn(entry: string): [string, string] {
  const at = entry.indexOf("=");
  if (at < 1) throw new LecternError("usage", `--column takes name=column, as in text=review; got ${entry}`);
  return [entry.slice(0, at), entry.slice(at + 1)];
}

/** Rows: what is right; columns: what was said. */
export function confusionTable({ labels, counts }: NonNullable<Evaluation["confusion"]>): string {
  const width = Math.max(8, ...labels.map((label) => label.length)) + 2;
  const line = (cells: readonly (string | number)[]): string =>
    `${cells.map((cell) => String(cell).padStart(width)).join("")}\n`;
  return [
    line(["actual \\ predicted", ...labels]),
    ...counts.map((row, i) => line([labels[i] as string, ...row])),
  ].join("");
}
