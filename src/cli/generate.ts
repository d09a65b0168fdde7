import { readFile } from "node:fs/promises";
import { LecternError } from "../common/index.ts";
import { parseOptions } from "../generation/index.ts";
import type {
  GenerateInput,
  GenerateOptions,
  GenerateResult,
  JsonSchema,
  LoadOptions,
  Model,
} from "../inference/index.ts";
import { checkAttention, strongestEdges, writeEdges } from "./attention.ts";
import { CandidateTable, candidateCount } from "./candidates.ts";
import { readGenerationOptions } from "./generation-flags.ts";
import { conversationInput, readConversation } from "./messages.ts";
import { openModel } from "./models.ts";
import { count, number } from "./numbers.ts";
import type { RunFlags } from "./run.ts";
import { readPrompt } from "./stdin.ts";
import { parseIds, printJson, type Terminal } from "./terminal.ts";
import { noteWindow } from "./window-note.ts";

const DEFAULT_PROMPT = "Once upon a time";

export interface RunContext {
  readonly flags: RunFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Generates once, or starts a conversation where nothing is given on a terminal. */
export async function run(name: string, prompt: string | undefined, context: RunContext): Promise<void> {
  const { flags, terminal, signal } = context;
  const display = readDisplay(flags);
  if (prompt !== undefined && flags.inputIds !== undefined)
    throw new LecternError("usage", "give a prompt or --input-ids, not both");
  const conversation = await readConversation(flags);
  if (conversation && flags.inputIds !== undefined)
    throw new LecternError("usage", "--input-ids cannot be combined with --system or --messages: leave one out");
  const options = { ...parseOptions(await readGenerationOptions(flags)), ...(await readForm(flags)), signal };
  const threads = count("--threads", flags.threads);
  const precision = flags.precision as LoadOptions["precision"];
  const prefixCache = number("--prefix-cache", flags.prefixCache, "a whole number from 0");
  const prefixCacheBytes = prefixCache === undefined ? undefined : prefixCache * 2 ** 20;
  if (flags.feedback !== undefined && (prompt !== undefined || !terminal.isInteractive))
    throw new LecternError(
      "usage",
      "--feedback stores judgements of a conversation: leave out the prompt, on a terminal",
    );
  const converses = terminal.isInteractive && prompt === undefined && flags.inputIds === undefined && !flags.json;
  const isOptional = prompt !== undefined || flags.messages !== undefined;
  const needsPrompt = flags.inputIds === undefined && !converses;
  const reading = needsPrompt ? readPrompt(prompt, terminal, isOptional) : Promise.resolve(undefined);
  reading.catch(() => {}); // reported below, once the model is open
  const begun = performance.now();
  await using model = await openModel(name, context, { threads, precision, prefixCacheBytes });
  if (display?.what === "attention") await checkAttention(model, options, display);
  if (flags.adapter !== undefined) await model.addAdapter("adapter", flags.adapter);
  const loadMs = performance.now() - begun;
  if (converses) {
    if (display) throw new LecternError("usage", `--show ${display.what} needs a prompt: give one`);
    const { converse } = await import("./conversation.ts");
    const { Judgements } = await import("./judgements.ts");
    const judgements = new Judgements(name, flags.feedback);
    return await converse(model, options, { terminal, conversation, judgements });
  }
  const read = await reading;
  const isEmpty = read === undefined && flags.messages === undefined;
  const text = isEmpty && flags.inputIds === undefined ? DEFAULT_PROMPT : read;
  const input: GenerateInput =
    flags.inputIds !== undefined
      ? { inputIds: [parseIds(flags.inputIds)] }
      : conversation
        ? conversationInput(conversation, text)
        : { prompt: text as string };
  const echo = model.isEncoderDecoder || conversation ? "" : (text ?? "");
  await generateShown(model, { input, options, echo, display, name, text: text ?? "", loadMs }, context);
}

/** The form of the text that flags ask for. */
async function readForm({ jsonSchema: path, regex }: RunFlags): Promise<Pick<GenerateOptions, "schema" | "regex">> {
  if (path === undefined) return regex === undefined ? {} : { regex };
  if (regex !== undefined)
    throw new LecternError("usage", "--json-schema and --regex both give the form: leave one out");
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new LecternError("file", `--json-schema ${path} cannot be read: ${(cause as Error).message}`, { cause });
  });
  try {
    return { schema: JSON.parse(text) as JsonSchema };
  } catch (cause) {
    throw new LecternError("usage", `--json-schema ${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** The part of a generation that is printed beside its text. */
type Display =
  | { readonly what: "candidates"; readonly count: number }
  | { readonly what: "attention"; readonly layer: number | undefined; readonly head: number | undefined };

function readDisplay({ show, candidates, layer, head }: RunFlags): Display | undefined {
  if (show !== undefined && show !== "candidates" && show !== "attention")
    throw new LecternError("usage", `--show takes candidates or attention; got ${show}`);
  if (show !== "attention" && (layer !== undefined || head !== undefined))
    throw new LecternError("usage", "--layer and --head belong to --show attention: add it");
  if (show === "attention") {
    if (candidates !== undefined)
      throw new LecternError("usage", "--candidates belongs to --show candidates: leave it out");
    const bounds = "a whole number from 0";
    return { what: show, layer: number("--layer", layer, bounds), head: number("--head", head, bounds) };
  }
  const most = candidateCount(show, candidates);
  return most === undefined ? undefined : { what: "candidates", count: most };
}

interface Job {
  readonly input: GenerateInput;
  readonly options: GenerateOptions;
  /** The prompt, where its continuation is printed behind it. */
  readonly echo: string;
  readonly display: Display | undefined;
  readonly name: string;
  readonly text: string;
  readonly loadMs: number;
}

async function generateShown(
  model: Model,
  { input, options, echo, display, name, text, loadMs }: Job,
  { flags, terminal }: RunContext,
): Promise<void> {
  const print = (text: string): unknown => flags.json || terminal.stdout.write(text);
  const table = display?.what === "candidates" ? new CandidateTable(model, options, print) : undefined;
  let unprinted = echo;
  const result = await model.generate(input, {
    ...options,
    ...(display?.what === "candidates" && { candidates: display.count }),
    onToken: (event) => {
      if (table) return table.add(event);
      if (event.sequence !== 0) return;
      print(unprinted + event.text);
      unprinted = "";
    },
  });
  if (table) print(`\n${echo}${result.text}`);
  for (const sequence of result.sequences.slice(1)) print(`\n\n${echo}${sequence.text}`);
  print("\n");
  noteWindow(result, options, terminal);
  const attention = display?.what === "attention" ? await strongestEdges(model, result, options, display) : undefined;
  if (attention) writeEdges(attention, print);
  if (flags.json)
    printJson(terminal, {
      ...toJson(name, text, result, loadMs),
      ...(table && { steps: table.steps }),
      ...(attention && { attention }),
    });
}

function toJson(model: string, prompt: string, result: GenerateResult, loadMs: number): object {
  const [inputIds] = result.inputIds;
  const { outputIds, text, finishReason, sequences, usage, timing } = result;
  return { model, prompt, inputIds, outputIds, text, finishReason, sequences, usage, timing: { loadMs, ...timing } };
}
