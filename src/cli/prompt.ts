import { type Command, Option } from "commander";
import type { Order, Selection } from "../prompting/index.ts";
import { orders, selections } from "./choices.ts";
import { addPipelineFlags } from "./pipeline-command.ts";
import { promptCheck } from "./prompt-check.ts";
import { promptDiff } from "./prompt-diff.ts";
import { type OptimizeFlags, promptOptimize } from "./prompt-optimize.ts";
import { promptRender } from "./prompt-render.ts";
import type { CommonFlags, Terminal } from "./terminal.ts";

/** Flags of every command that reads prompts. */
export interface PromptFlags extends CommonFlags {
  readonly folder: string;
  readonly model?: string;
  readonly offline?: boolean;
  readonly revision?: string;
  readonly var?: readonly string[];
  readonly values?: string;
}

/** Flags of commands that choose examples. */
export interface ExampleFlags extends PromptFlags {
  readonly examples?: string;
  readonly shots?: string;
  readonly selection: Selection;
  readonly order: Order;
  readonly seed: string;
  readonly embedder?: string;
  readonly reserve?: string;
  readonly window?: string;
}

const PROMPT_ARGUMENT = "a file, or a name in the folder of prompts, such as sentiment or sentiment@2";

/** `lectern prompt render|check|diff|optimize` */
export function promptCommand(group: Command, terminal: Terminal, signal: AbortSignal): Command {
  const repeated = (value: string, all: readonly string[] = []): string[] => [...all, value];
  const common = (command: Command): Command =>
    command
      .option("--folder <directory>", "the folder of prompts", "prompts")
      .option("--model <name>", "the model that the prompt is for: its tokenizer and its context window")
      .option("--var <name=value>", "the value of a variable; may be repeated", repeated)
      .option("--values <file>", "a JSON file with the values of variables")
      .option("--offline", "use only models that are in the Hugging Face cache");
  const render = group
    .command("render")
    .description("Render a prompt, with examples that fit the context window.")
    .argument("<prompt>", PROMPT_ARGUMENT);
  common(render)
    .option("--examples <file>", "examples: JSON, JSON lines, CSV or TSV, a column for each variable")
    .option("--shots <n>", "how many examples; default all of the file")
    .addOption(new Option("--selection <how>", "how they are chosen").choices([...selections]).default("fixed"))
    .addOption(
      new Option("--order <how>", "the order in which they are written").choices([...orders]).default("ranked"),
    )
    .option("--seed <n>", "the seed of random, balanced and shuffled", "0")
    .option("--embedder <model>", "the encoder that compares texts, for nearest and diverse")
    .option("--reserve <n>", "tokens to keep free for the answer; default 128, and 0 for an encoder–decoder")
    .option("--window <n>", "the context window in tokens; default the model's")
    .addOption(new Option("--show <what>", "also draw the context window as a bar").choices(["budget"]))
    .action((prompt: string, flags: ExampleFlags) => promptRender(prompt, { flags, terminal, signal }));
  const check = group
    .command("check")
    .description("Find faults of prompts before a model runs.")
    .argument("[prompts...]", `${PROMPT_ARGUMENT}; default all of the folder`);
  common(check)
    .option("--examples <file>", "also check these examples")
    .option("--reserve <n>", "tokens to keep free for the answer", "0")
    .action((prompts: string[], flags: ExampleFlags) => promptCheck(prompts, { flags, terminal, signal }));
  const diff = group
    .command("diff")
    .description("Compare two prompts, or two versions of one.")
    .argument("<a>", PROMPT_ARGUMENT)
    .argument("<b>", "the other");
  common(diff).action((a: string, b: string, flags: PromptFlags) => promptDiff(a, b, { flags, terminal, signal }));
  addOptimizeCommand(group, terminal, signal);
  return group;
}

function addOptimizeCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  const optimize = group
    .command("optimize")
    .description("Search for the best template, examples and order, and measure it on held-out items.")
    .argument("<prompts...>", PROMPT_ARGUMENT)
    .option("--folder <directory>", "the folder of prompts", "prompts")
    .requiredOption("--model <name>", "the model that the prompt is for")
    .requiredOption(
      "--items <file>",
      "rows with inputs and answers; half of them choose, half measure the chosen prompt",
    )
    .option("--held-out <file>", "rows that measure the chosen prompt; then all of --items choose")
    .option("--examples <file>", "rows that examples are drawn from")
    .option("--shots <n>", "examples in a prompt; default 4, and 0 without --examples")
    .option("--sets <n>", "sets of examples to try; default 4")
    .option("--orders <n>", "orders of each set to try; default 4")
    .addOption(
      new Option("--selection <how>", "how sets are drawn").choices(["balanced", "random"]).default("balanced"),
    )
    .option("--budget <tokens>", "tokens that the model may read; bounds the development items; default no bound")
    .option("--metric <name>", "the metric to choose by; default acc for an answer with an enum, else exact_match")
    .option("--max-new-tokens <n>", "tokens of a generated answer at most; default 32")
    .option("--seed <n>", "the seed of the split, the sets and the orders; default 0")
    .option("--out <directory>", "write every candidate's items there; what is there is not computed again")
    .option("--offline", "use only models that are in the Hugging Face cache");
  addPipelineFlags(optimize).action((names: string[], flags: OptimizeFlags) =>
    promptOptimize(names, { flags, terminal, signal }),
  );
}
