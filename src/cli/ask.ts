import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { Model } from "../inference/index.ts";
import type { Answered, Citation, IndexedEncoder } from "../retrieval/index.ts";
import { searchMethods } from "./choices.ts";
import { MODEL_ARGUMENT } from "./models.ts";
import { count } from "./numbers.ts";
import { addPipelineFlags, loadFor, type PipelineFlags } from "./pipeline-command.ts";
import { readText } from "./stdin.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface AskFlags extends PipelineFlags {
  readonly in?: string;
  readonly model?: string;
  readonly encoder?: string;
  readonly encoderPrecision?: string;
  readonly method?: string;
  readonly topK?: string;
  readonly minScore?: string;
  readonly prompt?: string;
  readonly maxNewTokens?: string;
  readonly verify?: boolean;
  readonly revision?: string;
  readonly offline?: boolean;
}

interface Context {
  readonly flags: AskFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** `lectern ask QUESTION` */
export function askCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<question>", "the question; - reads standard input")
    .option("--in <path>", "an index, or the folder that has one; default this folder")
    .option(
      "--model <model>",
      `what answers from the passages: a generator, or an encoder with a question-answering head (${MODEL_ARGUMENT}). Without one, the passages are printed`,
    )
    .option("--encoder <model>", "the encoder of the index, where it moved since; it must be the same")
    .option("--encoder-precision <kind>", "the precision in which the encoder made the index; default float32")
    .option("--method <name>", `${searchMethods.join(" or ")}; default vectors where the index has them`)
    .option("--top-k <n>", "passages at most; default 5")
    .option(
      "--min-score <x>",
      "leave out passages below this score, from -1 to 1; default what unrelated questions reach",
    )
    .option("--prompt <file>", "a prompt with the variables passages and question; default one that asks for citations")
    .option("--max-new-tokens <n>", "tokens of a generated answer at most; default 200")
    .option("--no-verify", "cite passages without comparing them with their files, where the folder is not there")
    .option("--revision <name>", "a branch, tag or commit of a Hub model; default main")
    .option("--offline", "use only models that are in the Hugging Face cache");
  return addPipelineFlags(command, { isBatched: false }).action(async (argument: string, flags: AskFlags) => {
    const question = (await readText(argument, terminal)).trim();
    const answered = await answerOf(question, { flags, terminal, signal });
    if (flags.json) printJson(terminal, answered);
    else print(answered, terminal);
    if (!answered.isFound) terminal.exitCode = 1;
  });
}

async function answerOf(question: string, { flags, terminal, signal }: Context): Promise<Answered> {
  const { ask, openIndex, modelEncoder } = await import("./lazy/retrieval.ts");
  const { readPrompt } = await import("./lazy/prompting.ts");
  const topK = count("--top-k", flags.topK);
  const maxNewTokens = count("--max-new-tokens", flags.maxNewTokens);
  const method = methodOf(flags.method);
  const minScore = scoreOf(flags.minScore);
  const prompt = flags.prompt === undefined ? undefined : await readPrompt(flags.prompt);
  const { precision: _, ...withoutPrecision } = flags;
  const opened: Model[] = [];
  const load = async (name: string, precision: string | undefined): Promise<Model> => {
    const model = await loadFor(name, {
      flags: precision === undefined ? withoutPrecision : { ...flags, precision },
      terminal,
      signal,
    });
    opened.push(model);
    return model;
  };
  const encoder = async ({ name, questionPrompt, passagePrompt }: IndexedEncoder) =>
    modelEncoder(await load(flags.encoder ?? name, flags.encoderPrecision), { questionPrompt, passagePrompt });
  try {
    const index = await openIndex(await indexPath(flags.in ?? "."), method === "bm25" ? undefined : encoder);
    return await ask(index, question, {
      model: flags.model === undefined ? undefined : await load(flags.model, flags.precision),
      ...{ method, topK, minScore, signal, prompt, verify: flags.verify },
      generation: maxNewTokens === undefined ? {} : { maxNewTokens },
    });
  } finally {
    for (const model of opened) await model.dispose();
  }
}

function methodOf(text: string | undefined): (typeof searchMethods)[number] | undefined {
  const found = searchMethods.find((each) => each === text);
  if (text === undefined || found) return found;
  throw new LecternError("usage", `--method takes ${searchMethods.join(" or ")}; got ${text}`);
}

function scoreOf(text: string | undefined): number | undefined {
  const score = text === undefined ? undefined : text.trim() === "" ? Number.NaN : Number(text);
  if (score === undefined || (score >= -1 && score <= 1)) return score;
  throw new LecternError("usage", `--min-score takes a number from -1 to 1; got ${text}`);
}

/** The index at a path: the file, or the folder's own. */
async function indexPath(path: string): Promise<string> {
  const { INDEX_NAME } = await import("./lazy/retrieval.ts");
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ? join(path, INDEX_NAME) : path;
}

function print(answered: Answered, terminal: Terminal): void {
  const { answer, isFound, citations, threshold, bestScore, changed, unknown, dropped } = answered;
  if (changed.length > 0)
    terminal.stderr.write(
      `lectern: changed since it was indexed, and left out: ${changed.join(", ")}; run lectern index again\n`,
    );
  if (citations.length === 0) {
    if (changed.length > 0 && bestScore >= threshold) {
      terminal.stdout.write("not found: the nearest passages changed since they were indexed\n");
      return;
    }
    terminal.stdout.write(
      `not found: the best passage scores ${bestScore.toFixed(3)}, below ${threshold.toFixed(3)}, which unrelated questions reach here\n`,
    );
    return;
  }
  if (answer !== undefined) terminal.stdout.write(`${answer}\n\n`);
  else if (!isFound) terminal.stdout.write("not found: the model finds no answer in these passages\n\n");
  for (const citation of citations) terminal.stdout.write(`${shownCitation(citation, answer !== undefined)}\n`);
  if (dropped > 0) terminal.stderr.write(`lectern: ${dropped} passages had no room in the model's window\n`);
  if (unknown.length > 0)
    terminal.stderr.write(`lectern: the answer names passages that it was not given: ${unknown.join(", ")}\n`);
}

/** A citation: `[1] guide.md:10-14`, with its text where no answer stands above it. */
function shownCitation({ number, file, from, to, score, text, isCited }: Citation, hasAnswer: boolean): string {
  const lines = from === to ? `${from}` : `${from}-${to}`;
  const head = `[${number}] ${file}:${lines}  ${score.toFixed(3)}`;
  if (hasAnswer) return isCited ? `${head}  cited` : head;
  return `${head}\n${text.replaceAll(/^/gm, "    ")}\n`;
}
