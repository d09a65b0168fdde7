import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import type { LoadOptions, Model } from "../model/index.ts";
import { type CommandContext, type ModelFlags, openModel } from "./models.ts";
import { count } from "./numbers.ts";
import { jsonText, type Terminal } from "./terminal.ts";

/** What every command takes that puts a model to a task. */
export interface PipelineFlags extends ModelFlags {
  readonly threads?: string;
  readonly precision?: string;
  readonly batchSize?: string;
}

export function addPipelineFlags(command: Command): Command {
  return command
    .option("--batch-size <n>", "how many texts are computed at once")
    .option("--precision <kind>", "float32 or auto")
    .option("--base <model>", "the model that an adapter's directory adapts, in place of the one it names")
    .option("--threads <n>", "how many threads compute")
    .option("--force", "take a tokenizer that does not belong to the model");
}

export async function loadFor(
  name: string,
  context: CommandContext & { readonly flags: PipelineFlags },
): Promise<Model> {
  const { flags } = context;
  const precision = flags.precision as LoadOptions["precision"];
  return openModel(name, context, { threads: count("--threads", flags.threads), precision });
}

/** How results are printed. */
export interface Printing<R> {
  readonly json: (result: R) => unknown;
  /** A line or several of a result; `input` stands where several texts were given. */
  readonly text: (result: R, input: string | undefined) => string;
}

interface Job<R> {
  readonly argument: string;
  readonly flags: PipelineFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly print: Printing<R>;
}

/** What a pipeline can be called with. */
type Call<R> = (
  texts: AsyncIterable<string>,
  options: { signal: AbortSignal; batchSize?: number; onProgress?: (progress: { done: number }) => void },
) => AsyncIterable<R>;

/** Runs a task over the text of an argument, or over the lines of standard input as they come. */
export async function runPipeline<R>(
  call: Call<R>,
  { argument, flags, terminal, signal, print }: Job<R>,
): Promise<void> {
  const isList = argument === "-";
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
  const onProgress = ({ done }: { done: number }): unknown => terminal.stderr.write(`\r${done} texts`);
  const options = { signal, ...(batchSize !== undefined && { batchSize }), ...(shows && { onProgress }) };
  const writer = flags.json ? new JsonWriter(terminal, isList) : undefined;
  for await (const result of call(noted(), options)) {
    const input = seen.shift();
    if (writer) await writer.add(print.json(result));
    else await write(terminal, `${print.text(result, isList ? input : undefined)}\n`);
  }
  if (shows) terminal.stderr.write("\n");
  await writer?.end();
}

async function* only(text: string): AsyncGenerator<string> {
  yield text;
}

/** The lines of standard input that hold something, one by one as they come. */
export async function* linesOf(terminal: Terminal): AsyncGenerator<string> {
  const lines = createInterface({ input: terminal.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of lines) if (line.trim() !== "") yield line;
  } finally {
    lines.close();
  }
}

/** Writes, and waits where whoever reads is slower. */
export async function write({ stdout }: Terminal, text: string): Promise<void> {
  if (stdout.write(text) === false && "once" in stdout) await once(stdout as NodeJS.WriteStream, "drain");
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
    else await write(this.#terminal, this.#count === 2 ? `[\n${this.#first},\n${text}` : `,\n${text}`);
  }

  async end(): Promise<void> {
    if (this.#count > 1) await write(this.#terminal, "\n]\n");
    else if (this.#count === 1) await write(this.#terminal, `${this.#first}\n`);
    else if (this.#isList) await write(this.#terminal, "[]\n");
  }
}
