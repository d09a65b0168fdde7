import type { Command } from "commander";
import type { FilledMask } from "../pipelines/index.ts";
import { MODEL_ARGUMENT } from "./models.ts";
import { count } from "./numbers.ts";
import { addPipelineFlags, loadFor, type PipelineFlags, runPipeline, TEXT_ARGUMENT } from "./pipeline-command.ts";
import type { Terminal } from "./terminal.ts";

interface FillMaskFlags extends PipelineFlags {
  readonly topK?: string;
  readonly targets?: string;
}

interface Filled {
  readonly tokenId: number;
  readonly token: string;
  readonly score: number;
  readonly text: string;
}

/** `lectern fill-mask MODEL TEXT` */
export function fillMaskCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<model>", `an encoder with a masked-LM head: ${MODEL_ARGUMENT}`)
    .argument("[text]", `${TEXT_ARGUMENT}. It has the model's mask token`)
    .option("--top-k <n>", "number of words; default 5")
    .option("--targets <a,b,c>", "the only words to choose among");
  return addPipelineFlags(command).action(async (name: string, argument: string | undefined, flags: FillMaskFlags) => {
    const topK = count("--top-k", flags.topK);
    const { pipeline } = await import("./lazy/pipelines.ts");
    await using model = await loadFor(name, { flags, terminal, signal });
    const fill = await pipeline("fill-mask", model);
    const asked = {
      ...(topK !== undefined && { topK }),
      ...(flags.targets !== undefined && { targets: flags.targets.split(",") }),
    };
    const listsOf = (result: unknown): Filled[][] => {
      const lists = (Array.isArray((result as unknown[])[0]) ? result : [result]) as FilledMask[][];
      return lists.map((list) =>
        list.map(({ token, token_str, score, sequence }) => ({
          tokenId: token,
          token: token_str,
          score,
          text: sequence,
        })),
      );
    };
    const print = {
      json: (result: unknown) => {
        const lists = listsOf(result);
        return { results: lists.length === 1 ? lists[0] : lists };
      },
      text: (result: unknown) =>
        listsOf(result)
          .map((list) => list.map(({ score, text }) => `${(100 * score).toFixed(1)} %\t${text}`).join("\n"))
          .join("\n\n"),
    };
    await runPipeline((texts, options) => fill(texts, { ...options, ...asked }), {
      argument,
      flags,
      terminal,
      signal,
      print,
    });
  });
}
