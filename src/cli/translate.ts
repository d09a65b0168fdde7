import type { Command } from "commander";
import { addGenerationFlags, type GenerationFlags, readGenerationOptions } from "./generation-flags.ts";
import { MODEL_ARGUMENT } from "./models.ts";
import { addPipelineFlags, loadFor, type PipelineFlags, runPipeline, TEXT_ARGUMENT } from "./pipeline-command.ts";
import type { Terminal } from "./terminal.ts";

interface RewritingFlags extends PipelineFlags, GenerationFlags {
  readonly prefix?: string;
  readonly truncation?: boolean;
  readonly srcLang?: string;
  readonly tgtLang?: string;
}

/** `lectern translate MODEL TEXT` */
export function translateCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<model>", `an encoder–decoder: ${MODEL_ARGUMENT}`)
    .argument("[text]", TEXT_ARGUMENT)
    .option("--src-lang <code>", "the text's language, as the model calls it: en, en_XX, eng_Latn")
    .option("--tgt-lang <code>", "the language to translate into");
  return addRewritingFlags(command).action(async (name: string, argument: string | undefined, flags: RewritingFlags) => {
    const { srcLang, tgtLang } = flags;
    const asked = {
      ...(await rewritingOptions(flags)),
      ...(srcLang !== undefined && { srcLang }),
      ...(tgtLang !== undefined && { tgtLang }),
    };
    const { pipeline } = await import("../pipelines/index.ts");
    await using model = await loadFor(name, { flags, terminal, signal });
    const translate = await pipeline("translation", model);
    const print = printing<{ translation_text: string }>((result) => result.translation_text);
    const call = (texts: AsyncIterable<string>, options: object) => translate(texts, { ...options, ...asked });
    await runPipeline(call, { argument, flags, terminal, signal, print });
  });
}

/** `lectern summarize MODEL TEXT` */
export function summarizeCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<model>", `an encoder–decoder: ${MODEL_ARGUMENT}`)
    .argument("[text]", TEXT_ARGUMENT);
  return addRewritingFlags(command).action(async (name: string, argument: string | undefined, flags: RewritingFlags) => {
    const asked = await rewritingOptions(flags);
    const { pipeline } = await import("../pipelines/index.ts");
    await using model = await loadFor(name, { flags, terminal, signal });
    const summarize = await pipeline("summarization", model);
    const print = printing<{ summary_text: string }>((result) => result.summary_text);
    const call = (texts: AsyncIterable<string>, options: object) => summarize(texts, { ...options, ...asked });
    await runPipeline(call, { argument, flags, terminal, signal, print });
  });
}

function addRewritingFlags(command: Command): Command {
  command
    .option("--prefix <text>", "what each text begins with; default as the checkpoint says")
    .option("--truncation", "cut a text that is longer than the model's window, instead of refusing it");
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

/** The best text, and all of them where several were asked for. */
function printing<R>(textOf: (result: R) => string) {
  const all = (result: R | R[]): string[] => [result].flat().map((each) => textOf(each as R));
  return {
    json: (result: R | R[]) => {
      const texts = all(result);
      return { text: texts[0], ...(texts.length > 1 && { texts }) };
    },
    text: (result: R | R[]) => all(result).join("\n"),
  };
}
