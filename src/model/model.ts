import { openHost } from "#host";
import { check, LecternError, throwIfAborted } from "../common/index.ts";
import { type HubOptions, locateModel, openDirectory } from "../formats/index.ts";
import {
  type FinishReason,
  type GenerationOptions,
  type LogitsProcessor,
  parseOptions,
  type Sequence,
  type StoppingCriteria,
  type TokenEvent,
} from "../generation/index.ts";
import { type FileSource, warn } from "../runtime/index.ts";
import type { ChatOptions, Message, Tokenizer } from "../tokenizers/index.ts";
import { type BatchRunOptions, forwardRows, type Reading, type Row } from "./batches.ts";
import type { ForwardInputs, ForwardOptions, ForwardResult } from "./forward.ts";
import type { ModelDescription, ModelHost, Timing } from "./host.ts";
import { tokenizerOf } from "./load-tokenizer.ts";
import { locateBase } from "./locate-base.ts";
import { lastStates, type Pooling, pool, readPooling, yieldsStates } from "./pooling.ts";

export interface LoadOptions extends HubOptions {
  /** How many threads compute; default: the engine's choice. */
  readonly threads?: number | undefined;
  /** Only float32 for now; `auto` is float32. */
  readonly precision?: "auto" | "float32" | undefined;
  /** For a directory with an adapter alone: the model that it adapts, in place of the one it names. */
  readonly base?: string | undefined;
  /** Take a tokenizer that does not belong to the model all the same; otherwise that is refused with the reason. */
  readonly force?: boolean | undefined;
}

/** One of these, or several prompts at once. */
export interface GenerateInput {
  readonly prompt?: string;
  readonly prompts?: readonly string[];
  /** Used as they are; nothing is added. */
  readonly inputIds?: readonly (readonly number[])[];
  /** A conversation, written out by the model's chat template. */
  readonly messages?: readonly Message[];
  /** What the chat template gets beside the messages: tools, documents, variables of its own. */
  readonly chat?: ChatOptions;
}

export interface GenerateOptions extends Omit<GenerationOptions, "assistantModel"> {
  /** A smaller model of the same tokenizer that guesses ahead: the same text, sooner. */
  readonly assistantModel?: string | Model;

  readonly signal?: AbortSignal | undefined;
  readonly onToken?: ((event: TokenEvent) => void) | undefined;
  /** Changes the scores of what may come next, in place or by returning others; runs in the caller's thread. */
  readonly logitsProcessor?: LogitsProcessor | undefined;
  /** Ends a sequence; runs in the caller's thread. */
  readonly stoppingCriteria?: StoppingCriteria | undefined;
  /** Also report this many of the most probable tokens of each step. */
  readonly candidates?: number | undefined;
}

export interface GenerateResult {
  readonly inputIds: readonly (readonly number[])[];
  readonly sequences: readonly Sequence[];
  /** The first sequence. */
  readonly outputIds: readonly number[];
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly timing: Timing;
}

/** A loaded model with the tokenizer it was trained with. */
export class Model {
  readonly tokenizer: Tokenizer | undefined;
  readonly #host: ModelHost;
  readonly #files: FileSource;
  /** How adapters and assistants are fetched. */
  readonly #hub: HubOptions;
  #pooling: Promise<Pooling> | undefined;
  #disposed: Promise<void> | undefined;

  constructor(host: ModelHost, tokenizer: Tokenizer | undefined, files: FileSource, hub: HubOptions = {}) {
    this.#host = host;
    this.#hub = hub;
    this.tokenizer = tokenizer;
    this.#files = files;
  }

  /** Where it was loaded from. */
  get location(): string {
    return this.#files.location;
  }

  /** "LLaMA" */
  get family(): string {
    return this.#host.description.family;
  }

  /** The kind of architecture. */
  get kind(): ModelDescription["kind"] {
    return this.#host.description.kind;
  }

  /** Whether it reads whole texts in both directions and generates nothing. */
  get isEncoder(): boolean {
    return this.#host.description.isEncoder;
  }

  /** Whether what is generated answers the prompt, as a translation does, instead of going on from it. */
  get isEncoderDecoder(): boolean {
    return this.#host.description.isEncoderDecoder;
  }

  /** `config.json` as it stands. */
  get config(): Readonly<Record<string, unknown>> {
    return this.#host.description.config;
  }

  /** `generation_config.json` as it stands, or, where there is none, the fields of `config.json` that say how to generate. */
  get generationConfig(): Readonly<Record<string, unknown>> {
    return this.#host.description.generationConfig;
  }

  /** In tokens; infinite where neither positions nor a cache bound it. */
  get contextWindow(): number {
    return this.#host.description.contextWindow;
  }

  get parameterCount(): number {
    return this.#host.description.parameterCount;
  }

  /** One pass over whole rows: logits, and on request what lies inside. */
  async forward(inputs: ForwardInputs, options: ForwardOptions = {}): Promise<ForwardResult> {
    return this.#host.forward(inputs, options);
  }

  /** One vector `[E]` a text, pooled as `modules.json` of the model says. */
  async embed(texts: readonly string[], options: Omit<BatchRunOptions, "forward"> = {}): Promise<Float32Array[]> {
    this.#pooling ??= readPooling(this.#files);
    const pooling = await this.#pooling;
    const { tokenizer } = this;
    if (!tokenizer) throw new LecternError("input", "embed: this model's directory has no tokenizer.json");
    const maxLength = Math.min(pooling.maxLength ?? Number.MAX_SAFE_INTEGER, this.contextWindow);
    const rows = texts.map((text) => tokenizer.encode(text, { maxLength }));
    const forward = { hiddenStates: !yieldsStates(this) };
    const read: Reading<Float32Array> = (result, place, index) => {
      const states = lastStates(result);
      if (!states) throw new LecternError("unsupported", `embed: a ${this.family} yields no states of tokens`);
      return pool(states, place, (rows[index] as Row).ids.length, pooling);
    };
    return forwardRows(this, rows, { ...options, forward }, read, { ofTokens: true });
  }

  /** Generates text; options not given are those of the checkpoint's `generation_config.json`. */
  async generate(input: GenerateInput, options: GenerateOptions = {}): Promise<GenerateResult> {
    const { signal, onToken, logitsProcessor, stoppingCriteria, candidates, assistantModel, ...rest } = options;
    const assistant =
      typeof assistantModel === "string" ? await locateModel(assistantModel, this.#hub) : assistantModel?.location;
    const parsed = parseOptions({ ...rest, ...(assistant !== undefined && { assistantModel: assistant }) });
    const request = { inputIds: this.#inputIds(input), options: parsed, candidates };
    const { inputIds, sequences, timing } = await this.#host.generate(request, {
      signal,
      onToken,
      logitsProcessor,
      stoppingCriteria,
    });
    return { inputIds, sequences, ...(sequences[0] as Sequence), timing };
  }

  /** Generates text piece by piece. */
  async *stream(input: GenerateInput, options: GenerateOptions = {}): AsyncGenerator<TokenEvent, GenerateResult> {
    const waiting: TokenEvent[] = [];
    let wake = (): void => {};
    let done = false;
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    const onToken = (event: TokenEvent): void => {
      waiting.push(event);
      wake();
    };
    const result = this.generate(input, { ...options, signal, onToken }).finally(() => {
      done = true;
      wake();
    });
    try {
      while (!done || waiting.length > 0) {
        const event = waiting.shift();
        if (event) yield event;
        else
          await Promise.race([
            result,
            new Promise<void>((resolve) => {
              wake = resolve;
            }),
          ]);
      }
      return await result;
    } finally {
      stop.abort();
    }
  }

  /** Loads a LoRA adapter, as PEFT writes it, from a directory or the hub, under a name, and puts it in use. */
  async addAdapter(name: string, location: string): Promise<void> {
    return this.#host.addAdapter(name, await locateModel(location, this.#hub));
  }

  /** Switches to an adapter that was added, or with undefined to none, without loading anything again. */
  useAdapter(name: string | undefined): Promise<void> {
    return this.#host.useAdapter(name);
  }

  /** Frees what the model holds; what it computes fails. May be called again. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#host.dispose();
    return this.#disposed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #inputIds({ prompt, prompts, inputIds, messages, chat }: GenerateInput): readonly (readonly number[])[] {
    const given = [prompt, prompts, inputIds, messages].filter((value) => value !== undefined);
    check(given.length === 1, "usage", () => "generate: give one of prompt, prompts, inputIds, messages");
    check(!chat || messages, "usage", () => "generate: chat is for messages, which are missing");
    if (inputIds) return inputIds;
    const { tokenizer } = this;
    const { startToken } = this.#host.description;
    if (!tokenizer) throw new LecternError("input", "this model's directory has no tokenizer.json: give inputIds");
    if (messages)
      return [tokenizer.encode(tokenizer.applyChatTemplate(messages, chat), { addSpecialTokens: false }).ids];
    return (prompts ?? [prompt as string]).map((text) => {
      const { ids } = tokenizer.encode(text);
      return ids.length === 0 && startToken !== undefined ? [startToken] : ids;
    });
  }
}

type Unchecked = Omit<LoadOptions, "precision"> & { readonly precision?: string };

/**
 * Loads a model: `config.json`, weights in safetensors, and its tokenizer; or a GGUF file.
 *
 * @param name a directory, a GGUF file, a shipped model's name, or `owner/name` of the hub, which is downloaded once
 */
export async function loadModel(name: string, options: LoadOptions = {}): Promise<Model> {
  const { threads, precision, force, cacheDir, offline, onProgress, onWarning, signal } = options as Unchecked;
  if (precision !== undefined && precision !== "auto" && precision !== "float32")
    throw new LecternError("unsupported", `precision ${precision} is not available yet; use float32`);
  throwIfAborted(signal);
  const files = await openDirectory(await locateModel(name, options));
  const hub: HubOptions = { cacheDir, offline, onProgress, onWarning };
  const isAdapter = await files.has("adapter_config.json");
  check(
    isAdapter || options.base === undefined,
    "usage",
    () => `${files.location} is a whole model: base goes with the directory of an adapter`,
  );
  const given = options.base === undefined ? undefined : await locateModel(options.base, { ...hub, signal });
  const base = isAdapter ? (given ?? (await locateBase(files, { ...hub, signal }))) : undefined;
  const opening = openHost({ location: files.location, base, threads, force });
  const tokenizer = tokenizerOf(files, base); // read while the worker starts
  tokenizer.catch(() => {}); // reported below, once the worker has told its own reasons
  const host = await opening;
  try {
    throwIfAborted(signal);
    for (const warning of host.description.warnings) (onWarning ?? warn)(warning);
    return new Model(host, await tokenizer, files, hub);
  } catch (error) {
    await host.dispose();
    throw error;
  }
}
