import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { LoadOptions, Model } from "../inference/index.ts";
import { type CommandContext, DEVICE_OPTION, type ModelFlags, openModel, PRECISION_OPTION } from "./models.ts";
import { count } from "./numbers.ts";
import { linesOf } from "./stdin.ts";
import { jsonText, type Terminal } from "./terminal.ts";

/** The flags of every command that runs a pipeline. */
export interface PipelineFlags extends ModelFlags {
  readonly threads?: string;
  readonly precision?: string;
  readonly batchSize?: string;
}

/** The argument of every command that reads texts. */
export const TEXT_ARGUMENT = "the text; without one, or with -, each line of standard input is a text";

/** @param isBatched whether the command computes several texts at once */
export function addPipelineFlags(command: Command, { isBatched = true }: { isBatched?: boolean } = {}): Command {
  if (isBatched) command.option("--batch-size <n>", "texts computed at once");
  return command
    .option(...PRECISION_OPTION)
    .option(...DEVICE_OPTION)
    .option("--base <model>", "the base model of an adapter's directory, in place of the one it names")
    .option("--threads <n>", "number of threads; default chosen by the engine")
    .option("--force", "accept a tokenizer that does not belong to the model");
}

export async function loadFor(
  name: string,
  context: CommandContext & { readonly flags: PipelineFlags },
  options: LoadOptions = {},
): Promise<Model> {
  const { flags } = context;
  const precision = flags.precision as LoadOptions["precision"];
  return openModel(name, context, { ...options, threads: count("--threads", flags.threads), precision });
}

/** The printing of results. */
export interface Printing<R> {
  readonly json: (result: R) => unknown;
  /** A line or several of a result; `input` stands where several texts were given. */
  readonly text: (result: R, input: string | undefined) => string;
}

export interface PipelineJob<R> {
  /** The text; `-` and undefined: the lines of standard input. */
  readonly argument: string | undefined;
  readonly flags: PipelineFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly print: Printing<R>;
}

/** Refuses to wait for texts from a person who gave none. */
export function checkInput(argument: string | undefined, { stdin }: Terminal): void {
  if (argument === undefined && stdin.isTTY)
    throw new LecternError("usage", "there is no text: give one, or pipe texts in, one per line");
}

/** The input of a pipeline's call. */
type PipelineCall<R> = (
  texts: AsyncIterable<string>,
  options: { signal: AbortSignal; batchSize?: number; onProgress?: (progress: { done: number }) => void },
) => AsyncIterable<R>;

/** Runs a task over the text of an argument, or over the lines of standard input as they come. */
export async function runPipeline<R>(
  call: PipelineCall<R>,
  { argument, flags, terminal, signal, print }: PipelineJob<R>,
): Promise<void> {
  checkInput(argument, terminal);
  const isList = argument === "-" || argument === undefined;
  const seen: string[] = [];
  const source = isList ? linesOf(terminal) : only(argument);
  async function* noted(): AsyncGenerator<string> {
    for await (const text of source) {
      seen.push(text);
      yield text;
    }
  }
  const batchSize = count("--batch-size", flags.batchSize);
  const shows = isList && terminal.stderr.isTTY && !flags.quiet;
  const onProgress = ({ done }: { done: number }): unknown => terminal.stderr.control(`\r${done} texts`);
  const options = { signal, ...(batchSize !== undefined && { batchSize }), ...(shows && { onProgress }) };
  const writer = flags.json ? new JsonWriter(terminal, isList) : undefined;
  for await (const result of call(noted(), options)) {
    const input = seen.shift();
    if (writer) await writer.add(print.json(result));
    else await terminal.stdout.writeDrained(`${print.text(result, isList ? input : undefined)}\n`);
  }
  if (shows) terminal.stderr.write("\n");
  await writer?.end();
}

async function* only(text: string): AsyncGenerator<string> {
  yield text;
}

/** One JSON document: one result as it is, several as an array, written as they come. */
class JsonWriter {
  readonly #terminal: Terminal;
  readonly #isList: boolean;
  #first: string | undefined;
  #count = 0;

  constructor(terminal: Terminal, isList: boolean) {
    this.#terminal = terminal;
    this.#isList = isList;
  }

  async add(result: unknown): Promise<void> {
    const text = jsonText(result);
    this.#count++;
    if (this.#count === 1) this.#first = text;
    else await this.#terminal.stdout.writeDrained(this.#count === 2 ? `[\n${this.#first},\n${text}` : `,\n${text}`);
  }

  async end(): Promise<void> {
    if (this.#count > 1) await this.#terminal.stdout.writeDrained("\n]\n");
    else if (this.#count === 1) await this.#terminal.stdout.writeDrained(`${this.#first}\n`);
    else if (this.#isList) await this.#terminal.stdout.writeDrained("[]\n");
  }
}
