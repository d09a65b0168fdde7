import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { Answer } from "../pipelines/index.ts";
import { MODEL_ARGUMENT } from "./models.ts";
import { count, number } from "./numbers.ts";
import { addPipelineFlags, loadFor, type PipelineFlags, runPipeline } from "./pipeline-command.ts";
import { readText } from "./stdin.ts";
import type { Terminal } from "./terminal.ts";

interface AnswerFlags extends PipelineFlags {
  readonly context?: string;
  readonly contextFile?: string;
  readonly topK?: string;
  readonly maxAnswerLen?: string;
  readonly docStride?: string;
  readonly allowNone?: boolean;
}

/** `lectern answer MODEL QUESTION --context TEXT` */
export function answerCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<model>", `an encoder with a question-answering head: ${MODEL_ARGUMENT}`)
    .argument("[question]", "the question; without one, or with -, each line of standard input is a question")
    .option("--context <text>", "the text that holds the answer; - reads standard input")
    .option("--context-file <file>", "a file with that text")
    .option("--top-k <n>", "number of answers, the best first; default 1")
    .option("--max-answer-len <n>", "longest answer in tokens; default 15")
    .option("--doc-stride <n>", "tokens shared by neighbouring windows of a long text")
    .option("--allow-none", "allow 'no answer'");
  return addPipelineFlags(command).action(async (name: string, argument: string | undefined, flags: AnswerFlags) => {
    const context = await contextOf(argument, flags, terminal);
    const topK = count("--top-k", flags.topK) ?? 1;
    const maxAnswerLen = count("--max-answer-len", flags.maxAnswerLen);
    const asked = {
      topK,
      ...(maxAnswerLen !== undefined && { maxAnswerLen }),
      ...(flags.docStride !== undefined && {
        docStride: number("--doc-stride", flags.docStride, "a whole number from 0") as number,
      }),
      ...(flags.allowNone && { handleImpossibleAnswer: true }),
    };
    const { pipeline } = await import("./lazy/pipelines.ts");
    await using model = await loadFor(name, { flags, terminal, signal });
    const answer = await pipeline("question-answering", model);
    const parts = (result: Answer | Answer[]) =>
      [result].flat().map(({ answer: text, score, start, end }) => ({ text, score, start, end }));
    const print = {
      json: (result: Answer | Answer[]) => (topK === 1 ? parts(result)[0] : { results: parts(result) }),
      text: (result: Answer | Answer[], input: string | undefined) => {
        const lines = parts(result).map(({ text, score }) => `${text || "(no answer)"}\t${(100 * score).toFixed(1)} %`);
        return [...(input === undefined ? [] : [input]), ...lines].join("\n");
      },
    };
    async function* pairs(questions: AsyncIterable<string>) {
      for await (const question of questions) yield { question, context };
    }
    await runPipeline<Answer | Answer[]>((questions, options) => answer(pairs(questions), { ...options, ...asked }), {
      argument,
      flags,
      terminal,
      signal,
      print,
    });
  });
}

async function contextOf(
  question: string | undefined,
  { context, contextFile }: AnswerFlags,
  terminal: Terminal,
): Promise<string> {
  if ((context === undefined) === (contextFile === undefined))
    throw new LecternError("usage", "give the text that holds the answer: --context TEXT or --context-file FILE");
  if (context === "-" && (question === undefined || question === "-"))
    throw new LecternError("usage", "standard input cannot be both the questions and --context: use --context-file");
  if (context !== undefined) return readText(context, terminal);
  return readFile(contextFile as string, "utf8").catch((cause) => {
    throw new LecternError("file", `--context-file ${contextFile} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  });
}
