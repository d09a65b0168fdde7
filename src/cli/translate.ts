import type { Command } from "commander";
import type { Model } from "../inference/index.ts";
import { CandidateTable, candidateCount } from "./candidates.ts";
import { addGenerationFlags, type GenerationFlags, readGenerationOptions } from "./generation-flags.ts";
import { MODEL_ARGUMENT } from "./models.ts";
import {
  addPipelineFlags,
  loadFor,
  type PipelineFlags,
  type PipelineJob,
  runPipeline,
  TEXT_ARGUMENT,
} from "./pipeline-command.ts";
import { givenOnce, type Terminal } from "./terminal.ts";

interface RewritingFlags extends PipelineFlags, GenerationFlags {
  readonly prefix?: string;
  readonly truncation?: boolean;
  readonly srcLang?: string;
  readonly tgtLang?: string;
  readonly show?: string;
  readonly candidates?: string;
}

/** `lectern translate MODEL TEXT` */
export function translateCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<model>", `an encoder–decoder: ${MODEL_ARGUMENT}`)
    .argument("[text]", TEXT_ARGUMENT)
    .option("--src-lang <code>", "the text's language, as the model calls it: en, en_XX, eng_Latn")
    .option("--tgt-lang <code>", "the language to translate into");
  return addRewritingFlags(command).action(
    async (name: string, argument: string | undefined, flags: RewritingFlags) => {
      const { srcLang, tgtLang } = flags;
      const asked = {
        ...(await rewritingOptions(flags)),
        ...(srcLang !== undefined && { srcLang }),
        ...(tgtLang !== undefined && { tgtLang }),
      };
      const { pipeline } = await import("./lazy/pipelines.ts");
      await using model = await loadFor(name, { flags, terminal, signal });
      const translate = await pipeline("translation", model);
      await rewrite<{ translation_text: string }>({
        all: (texts, options) => translate(texts, { ...options, ...asked }),
        one: (text, options) => translate(text, { ...options, ...asked }),
        textOf: (result) => result.translation_text,
        job: { argument, flags, terminal, signal },
        model,
        asked,
      });
    },
  );
}

/** `lectern summarize MODEL TEXT` */
export function summarizeCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command.argument("<model>", `an encoder–decoder: ${MODEL_ARGUMENT}`).argument("[text]", TEXT_ARGUMENT);
  return addRewritingFlags(command).action(
    async (name: string, argument: string | undefined, flags: RewritingFlags) => {
      const asked = await rewritingOptions(flags);
      const { pipeline } = await import("./lazy/pipelines.ts");
      await using model = await loadFor(name, { flags, terminal, signal });
      const summarize = await pipeline("summarization", model);
      await rewrite<{ summary_text: string }>({
        all: (texts, options) => summarize(texts, { ...options, ...asked }),
        one: (text, options) => summarize(text, { ...options, ...asked }),
        textOf: (result) => result.summary_text,
        job: { argument, flags, terminal, signal },
        model,
        asked,
      });
    },
  );
}

function addRewritingFlags(command: Command): Command {
  command
    .option("--prefix <text>", "text put before each input; default from the checkpoint")
    .option("--truncation", "cut a text that is longer than the model's window instead of refusing it")
    .option("--show <what>", "candidates: each step's most probable tokens; needs --num-beams 1", givenOnce("--show"))
    .option("--candidates <n>", "tokens per step with --show candidates; default 5");
  addPipelineFlags(command);
  addGenerationFlags(command);
  return command;
}

async function rewritingOptions(flags: RewritingFlags): Promise<object> {
  const { prefix, truncation } = flags;
  return {
    ...(await readGenerationOptions(flags)),
    ...(prefix !== undefined && { prefix }),
    ...(truncation && { truncation }),
  };
}

/** A text, or texts where several sequences are asked for. */
type Results<R> = R | R[];

interface Rewriting<R> {
  readonly all: (texts: AsyncIterable<string>, options: object) => AsyncIterable<Results<R>>;
  readonly one: (text: string, options: object) => Promise<Results<R>>;
  readonly textOf: (result: R) => string;
  readonly job: Omit<PipelineJob<never>, "print">;
  readonly model: Model;
  readonly asked: object;
}

/** Runs a pipeline over texts: in batches, or one by one where each step's candidates are shown. */
async function rewrite<R>({ all, one, textOf, job, model, asked }: Rewriting<R>): Promise<void> {
  const texts = (result: Results<R>): string[] => [result].flat().map((each) => textOf(each as R));
  const toJson = (result: Results<R>): object => {
    const [text, ...others] = texts(result);
    return { text, ...(others.length > 0 && { texts: [text, ...others] }) };
  };
  const { flags, terminal } = job;
  const { show, candidates } = flags as RewritingFlags;
  const count = candidateCount(show, candidates);
  if (count === undefined) {
    const print = { json: toJson, text: (result: Results<R>) => texts(result).join("\n") };
    return await runPipeline(all, { ...job, print });
  }
  type Shown = { readonly result: Results<R>; readonly steps: CandidateTable["steps"] };
  async function* shown(inputs: AsyncIterable<string>, options: object): AsyncGenerator<Shown> {
    for await (const text of inputs) {
      const table = new CandidateTable(model, asked, (line) => flags.json || terminal.stdout.write(line));
      const result = await one(text, { ...options, candidates: count, onToken: table.add });
      yield { result, steps: table.steps };
    }
  }
  const print = {
    json: ({ result, steps }: Shown) => ({ ...toJson(result), steps }),
    text: ({ result }: Shown) => texts(result).join("\n"),
  };
  await runPipeline(shown, { ...job, print });
}
