import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { parseOptions } from "../generation/index.ts";
import type { GenerateInput, GenerateOptions, GenerateResult, Model } from "../model/index.ts";
import type { Message } from "../tokenizers/index.ts";
import { addGenerationFlags, type GenerationFlags, readGenerationOptions } from "./generation-flags.ts";
import { type Conversation, type ConversationFlags, conversationInput, readConversation } from "./messages.ts";
import { MODEL_ARGUMENT, type ModelFlags, openModel } from "./models.ts";
import { count } from "./numbers.ts";
import { parseIds, printJson, readText, type Terminal } from "./terminal.ts";
import { noteWindow } from "./window-note.ts";

interface RunFlags extends ModelFlags, GenerationFlags, ConversationFlags {
  readonly inputIds?: string;
  readonly show?: string;
  readonly adapter?: string;
  readonly threads?: string;
  readonly precision?: string;
}

const DEFAULT_PROMPT = "Once upon a time";

/** `lectern run [MODEL] [PROMPT]` */
export function runCommand(root: Command, terminal: Terminal, signal: AbortSignal): Command {
  const command = root
    .command("run")
    .description("Generate text, streaming it as it comes.")
    .argument("[model]", MODEL_ARGUMENT, "stories")
    .argument("[prompt]", "the text to go on from; - reads standard input; without one on a terminal, a conversation")
    .option("--input-ids <ids>", "token ids instead of a prompt, used as they are: 1,2,3")
    .option("--system <text>", "what the model is told before a conversation; needs a chat template")
    .option("--messages <file>", "a conversation in JSON; a prompt is its next turn")
    .option("--show <what>", "candidates: print each step's most probable tokens")
    .option("--adapter <directory>", "a LoRA adapter, as PEFT writes it, or owner/name of one")
    .option("--precision <kind>", "float32 or auto")
    .option("--base <model>", "the model that an adapter's directory adapts, in place of the one it names")
    .option("--threads <n>", "how many threads compute")
    .option("--force", "take a tokenizer that does not belong to the model");
  addGenerationFlags(command);
  return command.action(async (name: string, prompt: string | undefined, flags: RunFlags) => {
    await run(name, prompt, flags, terminal, signal);
  });
}

async function run(
  name: string,
  prompt: string | undefined,
  flags: RunFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  if (flags.show !== undefined && flags.show !== "candidates")
    throw new LecternError("usage", `--show takes candidates; got ${flags.show}`);
  if (prompt !== undefined && flags.inputIds !== undefined)
    throw new LecternError("usage", "give a prompt or --input-ids, not both");
  const conversation = await readConversation(flags);
  if (conversation && flags.inputIds !== undefined)
    throw new LecternError("usage", "--input-ids is no conversation: leave out --system and --messages");
  const options = parseOptions(await readGenerationOptions(flags));
  const begun = performance.now();
  const threads = count("--threads", flags.threads);
  await using model = await openModel(
    name,
    { flags, terminal, signal },
    {
      threads,
      precision: flags.precision as "auto" | undefined,
    },
  );
  if (flags.adapter !== undefined) await model.addAdapter("adapter", flags.adapter);
  const loadMs = performance.now() - begun;
  const interactive = terminal.stdin.isTTY && terminal.stdout.isTTY && !flags.json;
  if (interactive && prompt === undefined && flags.inputIds === undefined && flags.messages === undefined)
    return await converse(model, { ...options, signal }, { terminal, conversation });
  if (conversation)
    return await answer(name, conversation, prompt, { model, options, flags, terminal, signal, loadMs });
  const text = prompt === undefined ? DEFAULT_PROMPT : await readText(prompt, terminal);
  const input: GenerateInput =
    flags.inputIds !== undefined ? { inputIds: [parseIds(flags.inputIds)] } : { prompt: text };
  const shown = flags.inputIds !== undefined ? "" : text;
  const result = await generateShown(
    model,
    input,
    model.isEncoderDecoder ? "" : shown,
    { ...options, signal },
    { flags, terminal },
  );
  if (flags.json) printJson(terminal, toJson(name, shown, result, loadMs));
}

interface Answering {
  readonly model: Model;
  readonly options: GenerateOptions;
  readonly flags: RunFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly loadMs: number;
}

/** The model's next turn in a conversation. */
async function answer(
  name: string,
  conversation: Conversation,
  prompt: string | undefined,
  { model, options, flags, terminal, signal, loadMs }: Answering,
): Promise<void> {
  const text = prompt === undefined ? undefined : await readText(prompt, terminal);
  const input = conversationInput(conversation, text);
  const result = await generateShown(model, input, "", { ...options, signal }, { flags, terminal });
  if (flags.json) printJson(terminal, toJson(name, text ?? "", result, loadMs));
}

async function generateShown(
  model: Model,
  input: GenerateInput,
  shown: string,
  options: GenerateOptions,
  { flags, terminal }: { flags: RunFlags; terminal: Terminal },
): Promise<GenerateResult> {
  const print = flags.json ? () => {} : (text: string) => terminal.stdout.write(text);
  const candidates = flags.show ? 5 : undefined;
  let unprinted = candidates ? "" : shown;
  const result = await model.generate(input, {
    ...options,
    candidates,
    onToken: (event) => {
      if (!event.candidates) {
        if (event.sequence === 0) print(unprinted + event.text);
        unprinted = "";
        return;
      }
      const list = event.candidates.map(({ id, probability, before, after }) => {
        const gone = after.find((step) => step.probability === 0)?.option;
        const end = gone ? `removed by ${gone}` : `${(100 * probability).toFixed(1)} %`;
        return `${JSON.stringify(model.tokenizer?.decode([id]) ?? id)} ${(100 * before).toFixed(1)} % → ${end}`;
      });
      print(`${JSON.stringify(model.tokenizer?.decode([event.id]) ?? event.id)}\t${list.join("  ")}\n`);
    },
  });
  for (const { text } of result.sequences.slice(1)) print(`\n\n${shown}${text}`);
  print("\n");
  noteWindow(result, options, terminal);
  return result;
}

/** Prompts one after the other, until an empty line or the end of input; a conversation where the model has a template. */
async function converse(
  model: Model,
  options: GenerateOptions,
  { terminal, conversation }: { terminal: Terminal; conversation: Conversation | undefined },
): Promise<void> {
  const lines = createInterface({ input: terminal.stdin, output: terminal.stdout as NodeJS.WritableStream });
  const messages: Message[] = [...(conversation?.messages ?? [])];
  const isChat = conversation !== undefined || (model.tokenizer?.hasChatTemplate ?? false);
  const { signal, ...rest } = options;
  terminal.stdout.write(`${isChat ? "Say something" : "Begin a text"}; an empty line ends.\n`);
  try {
    while (true) {
      const line = await lines.question("> ", signal ? { signal } : {}).catch(() => "");
      if (line === "" || signal?.aborted) return;
      messages.push({ role: "user", content: line });
      const { text } = await model.generate(isChat ? { messages } : { prompt: line }, {
        ...rest,
        signal,
        onToken: (event) => event.sequence === 0 && terminal.stdout.write(event.text),
      });
      messages.push({ role: "assistant", content: text });
      terminal.stdout.write("\n");
    }
  } finally {
    lines.close();
  }
}

function toJson(model: string, prompt: string, result: GenerateResult, loadMs: number): object {
  const [inputIds] = result.inputIds;
  const { outputIds, text, finishReason, sequences, timing } = result;
  const usage = {
    promptTokens: inputIds?.length ?? 0,
    completionTokens: sequences.reduce((sum, sequence) => sum + sequence.outputIds.length, 0),
  };
  return { model, prompt, inputIds, outputIds, text, finishReason, sequences, usage, timing: { loadMs, ...timing } };
}
