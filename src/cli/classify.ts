import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { LabelScore } from "../pipelines/index.ts";
import { MODEL_ARGUMENT } from "./models.ts";
import { count } from "./numbers.ts";
import { addPipelineFlags, loadFor, type PipelineFlags, runPipeline, TEXT_ARGUMENT } from "./pipeline-command.ts";
import type { Terminal } from "./terminal.ts";

interface ClassifyFlags extends PipelineFlags {
  readonly labels?: string;
  readonly template?: string;
  readonly multiLabel?: boolean;
  readonly topK?: string;
}

/** `lectern classify MODEL TEXT` */
export function classifyCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<model>", MODEL_ARGUMENT)
    .argument("[text]", TEXT_ARGUMENT)
    .option("--labels <a,b,c>", "labels to choose among (zero-shot), with a natural language inference model")
    .option("--template <text>", "with --labels: the hypothesis, with {} for the label")
    .option("--multi-label", "with --labels: several labels can be true")
    .option("--top-k <n>", "print only the n best labels");
  return addPipelineFlags(command).action(async (name: string, argument: string | undefined, flags: ClassifyFlags) => {
    const { labels, template, multiLabel } = flags;
    const topK = count("--top-k", flags.topK);
    if (labels === undefined && (template !== undefined || multiLabel))
      throw new LecternError("usage", "--template and --multi-label go with --labels");
    const { pipeline } = await import("./lazy/pipelines.ts");
    await using model = await loadFor(name, { flags, terminal, signal });
    const job = { argument, flags, terminal, signal };
    if (labels === undefined) {
      const classify = await pipeline("text-classification", model);
      const print = { json: (results: LabelScore[]) => ({ results }), text: shown };
      return await runPipeline((texts, options) => classify(texts, { ...options, topK: topK ?? null }), {
        ...job,
        print,
      });
    }
    const choose = await pipeline("zero-shot-classification", model);
    type Result = Parameters<typeof pairs>[0];
    const pairs = (result: { labels: readonly string[]; scores: readonly number[] }): LabelScore[] =>
      result.labels.map((label, i) => ({ label, score: result.scores[i] as number })).slice(0, topK);
    const print = {
      json: (result: Result) => ({ results: pairs(result) }),
      text: (result: Result, input: string | undefined) => shown(pairs(result), input),
    };
    const asked = {
      candidateLabels: labels,
      ...(template !== undefined && { hypothesisTemplate: template }),
      ...(multiLabel && { multiLabel }),
    };
    await runPipeline((texts, options) => choose(texts, { ...options, ...asked }), { ...job, print });
  });
}

function shown(results: readonly LabelScore[], input: string | undefined): string {
  const line = results.map(({ label, score }) => `${label} ${(100 * score).toFixed(1)} %`).join("  ");
  return input === undefined ? line : `${line}\t${input}`;
}
