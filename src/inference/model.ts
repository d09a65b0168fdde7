import { openHere, openHost } from "#host";
import { CallerFunctions, check, LecternError, throwIfAborted } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";
import { type HubOptions, locateModel, openDirectory } from "../formats/index.ts";
import { parseOptions, type Sequence, scoresOf, type TokenEvent } from "../generation/index.ts";
import { warn } from "../runtime/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import {
  checkAdapter,
  checkCall,
  checkEmbed,
  checkForwardOptions,
  checkInput,
  checkLoad,
  checkLogLikelihood,
} from "./door.ts";
import type { ForwardInputs, ForwardOptions, ForwardResult } from "./forward.ts";
import { checkForwardInputs } from "./forward-check.ts";
import type { GenerateInput, GenerateResult } from "./generate-call.ts";
import type { GenerateOptions } from "./generate-options.ts";
import { compiledSource } from "./grammar/compiled-sources.ts";
import { grammarSource } from "./grammar/grammar-source.ts";
import type { GenerateHooks, ModelDescription, ModelHost } from "./host/host.ts";
import { forwardRows, type Reading, type Row } from "./length-bucketing.ts";
import type { LoadOptions } from "./load-options.ts";
import { tokenizerOf } from "./load-tokenizer.ts";
import { locateBase } from "./locate-base.ts";
import {
  encodePairs,
  type LogLikelihood,
  type LogLikelihoodOptions,
  type LogLikelihoodRequest,
  type Scoring,
  scorePairs,
  scoreTexts,
} from "./log-likelihood.ts";
import { lastStates, pool, yieldsStates } from "./pooling.ts";
import { type ScoreTokensOptions, scoreRows } from "./score-rows.ts";
import { type EmbedOptions, sentenceEncoder } from "./sentence-encoder.ts";
import { readSentenceModules, type SentenceModules } from "./sentence-modules.ts";
import type { TokenScore } from "./token-scores.ts";
import { withToolCalls } from "./tool-calls.ts";

export type { GenerateOptions, JsonSchema } from "./generate-options.ts";

/** A loaded model with the tokenizer it was trained with. */
export class Model {
  /** The model's tokenizer; undefined if its directory has none. */
  readonly tokenizer: Tokenizer | undefined;
  readonly #host: ModelHost;
  readonly #files: FileSource;
  /** The Hub options by which adapters and assistants are fetched. */
  readonly #hub: HubOptions;
  #modules: Promise<SentenceModules> | undefined;
  #disposed: Promise<void> | undefined;

  constructor(host: ModelHost, tokenizer: Tokenizer | undefined, files: FileSource, hub: HubOptions = {}) {
    this.#host = host;
    this.#hub = hub;
    this.tokenizer = tokenizer;
    this.#files = files;
  }

  /** The location that it was loaded from. */
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

  /** True if it reads whole texts in both directions and generates nothing. */
  get isEncoder(): boolean {
    return this.#host.description.isEncoder;
  }

  /** True for encoder–decoder models (T5, BART, Marian). */
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

  /** In tokens, of an encoder–decoder those that its encoder reads; infinite where neither positions nor a cache bound it. */
  get contextWindow(): number {
    return this.#host.description.contextWindow;
  }

  /** The contents of the cache, of a decoder in which some layers do not keep keys and values. */
  get kept(): ModelDescription["kept"] {
    return this.#host.description.kept;
  }

  /** The number of parameters. */
  get parameterCount(): number {
    return this.#host.description.parameterCount;
  }

  /** The device that computes. */
  get device(): "cpu" | "webgpu" {
    return this.#host.description.device;
  }

  /** The precision that linear layers compute in; `published`: the few bits of a quantized checkpoint. */
  get precision(): "float32" | "int8" | "int4" | "published" {
    return this.#host.description.precision;
  }

  /** One pass over whole rows: logits, and on request hidden states, attention weights and gradients. */
  async forward(inputs: ForwardInputs, options: ForwardOptions = {}): Promise<ForwardResult> {
    checkForwardInputs(inputs);
    checkForwardOptions(options);
    return this.#host.forward(inputs, options);
  }

  /**
   * One vector a text, pooled and projected as the model's `modules.json` specifies.
   *
   * @throws LecternError where the model has no prompt of the name that is asked for
   */
  async embed(texts: readonly string[], options: EmbedOptions = {}): Promise<Float32Array[]> {
    checkEmbed(texts, options);
    const { promptName, prompt, truncate, dimensions, ...given } = options;
    const { modules, tokenizer, maxLength } = await this.#sentences();
    const encode = sentenceEncoder(tokenizer, modules, { promptName, prompt, truncate, maxLength });
    const rows = texts.map(encode.text);
    const pooling = { modes: modules.modes, skipped: encode.skipped };
    const forward = { hiddenStates: !yieldsStates(this) };
    const read: Reading<Float32Array> = (result, place, index) => {
      const states = lastStates(result);
      if (!states) throw new LecternError("unsupported", `embed: a ${this.family} yields no states of tokens`);
      const vector = pool(states, place, (rows[index] as Row).ids.length, pooling);
      const made = modules.steps.reduce((made, step) => step(made), vector);
      const most = dimensions ?? modules.dimensions ?? made.length;
      check(
        most <= made.length,
        "usage",
        () => `embed: dimensions must be at most the ${made.length} of this model; got ${most}`,
      );
      return most === made.length ? made : made.slice(0, most);
    };
    const functions = new CallerFunctions(given.signal);
    const run = { ...given, forward, onDone: functions.wrap(given.onDone), signal: functions.signal };
    return functions.settle(forwardRows(this, rows, run, read, { ofTokens: true }));
  }

  /** The number of tokens of a text that `embed` reads, special tokens included; what is longer is cut. */
  async embedLength(): Promise<number> {
    return (await this.#sentences()).maxLength;
  }

  async #sentences(): Promise<{ modules: SentenceModules; tokenizer: Tokenizer; maxLength: number }> {
    this.#modules ??= readSentenceModules(this.#files);
    const modules = await this.#modules;
    const { tokenizer } = this;
    if (!tokenizer) throw new LecternError("input", "embed: this model's directory has no tokenizer.json");
    const maxLength = Math.min(modules.maxLength ?? tokenizer.maxLength ?? Number.MAX_SAFE_INTEGER, this.contextWindow);
    return { modules, tokenizer, maxLength };
  }

  /**
   * Scores continuations after their contexts, with the conventions of lm-evaluation-harness: spaces at the end of a
   * context belong to its continuation, an empty context is the start token, and what is too long for the context
   * window loses tokens at its beginning.
   */
  async logLikelihood(
    requests: readonly LogLikelihoodRequest[],
    options: LogLikelihoodOptions = {},
  ): Promise<LogLikelihood[]> {
    checkLogLikelihood("logLikelihood", requests, options);
    const model = this.#scoring(options);
    return scorePairs(model, encodePairs(model, requests), options);
  }

  /** Scores whole texts, in windows where they are longer than the context window. */
  async textLogLikelihood(texts: readonly string[], options: LogLikelihoodOptions = {}): Promise<LogLikelihood[]> {
    checkLogLikelihood("textLogLikelihood", texts, options);
    return scoreTexts(this.#scoring(options), texts, options);
  }

  /**
   * The log-probabilities that a decoder gives the tokens of rows, each row by itself.
   *
   * @param rows token ids, each row within the context window
   * @returns for each row, the score of each token after those before it; null for the first
   * @throws LecternError with code `input` for a row that is empty or longer than the context window
   */
  async scoreTokens(
    rows: readonly (readonly number[])[],
    { top = 0, adapter }: ScoreTokensOptions = {},
  ): Promise<(TokenScore | null)[][]> {
    const { contextWindow, tokenizer, isEncoderDecoder } = this;
    check(!isEncoderDecoder, "unsupported", () => "scoreTokens: an encoder–decoder scores pairs: use logLikelihood");
    return scoreRows(rows, { contextWindow, padId: tokenizer?.padId ?? 0, top }, (inputs) =>
      this.#host.score(inputs, adapter),
    );
  }

  #scoring({ adapter }: LogLikelihoodOptions): Scoring {
    const { tokenizer, isEncoderDecoder, config, contextWindow } = this;
    const score: Scoring["score"] = (inputs) => this.#host.score(inputs, adapter);
    return { tokenizer, isEncoderDecoder, config, contextWindow, score };
  }

  /** Generates text; options not given are those of the checkpoint's `generation_config.json`. */
  async generate(input: GenerateInput, options: GenerateOptions = {}): Promise<GenerateResult> {
    checkInput(input);
    checkCall(options);
    const { signal, onToken, logitsProcessor, stoppingCriteria, ...others } = options;
    const { candidates, logProbs, stopStringsIn, adapter, priority, assistantModel, ...forms } = others;
    const { globalAttentionMask, schema, regex, ...rest } = forms;
    const isGone = assistantModel instanceof Model && assistantModel.#disposed !== undefined;
    if (isGone) throw new LecternError("engine", "assistantModel: the model was disposed");
    const named = assistantModel instanceof Model ? assistantModel.location : assistantModel;
    const parsed = parseOptions({ ...rest, assistantModel: named });
    const inputIds = this.#inputIds(input);
    const source = grammarSource(schema, regex);
    const functions = new CallerFunctions(signal);
    const hooks: GenerateHooks = {
      signal: functions.signal,
      onToken: functions.wrap(onToken),
      logitsProcessor:
        logitsProcessor && (async (ids, scores) => scoresOf(await logitsProcessor(ids, scores), scores.length)),
      stoppingCriteria: stoppingCriteria && (async (ids) => Boolean(await stoppingCriteria(ids))),
    };
    const generated = functions.settle(
      (async () => {
        const assistant =
          parsed.assistantModel === undefined || assistantModel instanceof Model
            ? {}
            : { assistantModel: await this.#locate(parsed.assistantModel, functions) };
        const form = source && (await compiledSource(source, functions.signal));
        const own = { candidates, logProbs, stopStringsIn, adapter, priority, globalAttentionMask, form };
        return this.#host.generate({ inputIds, options: { ...parsed, ...assistant }, ...own }, hooks);
      })(),
    );
    const { sequences: written, usage, timing, ...rows } = await generated;
    const sequences = withToolCalls(written, input, this);
    return { inputIds: rows.inputIds, sequences, ...(sequences[0] as Sequence), usage, timing };
  }

  /** Generates text piece by piece. */
  async *stream(input: GenerateInput, options: GenerateOptions = {}): AsyncGenerator<TokenEvent, GenerateResult> {
    const waiting: TokenEvent[] = [];
    let wake = (): void => {};
    let done = false;
    checkCall(options);
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    const onToken = (event: TokenEvent): unknown => {
      waiting.push(event);
      wake();
      return options.onToken?.(event);
    };
    const result = this.generate(input, { ...options, signal, onToken }).finally(() => {
      done = true;
      wake();
    });
    result.catch(() => {}); // whoever reads on hears of it
    try {
      while (!done || waiting.length > 0) {
        const event = waiting.shift();
        if (event) yield event;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (done) resolve();
          });
      }
      return await result;
    } finally {
      stop.abort();
      await result.catch(() => {});
    }
  }

  /**
   * Loads a LoRA adapter, as PEFT writes it, from a directory or the hub, under a name, and makes it the
   * default of later requests. Requests that run keep the weights they began with.
   */
  async addAdapter(name: string, location: string): Promise<void> {
    checkAdapter("addAdapter", { name, location });
    const functions = new CallerFunctions();
    const located = await functions.settle(this.#locate(location, functions));
    return this.#host.addAdapter(name, located);
  }

  /**
   * Makes an adapter that was added the default of later requests, or with undefined none, without loading anything
   * again. Requests that run keep theirs.
   */
  async useAdapter(name: string | undefined): Promise<void> {
    if (name !== undefined) checkAdapter("useAdapter", { name });
    return this.#host.useAdapter(name);
  }

  /** Releases the model; a computation that is still running fails. May be called again. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#host.dispose();
    return this.#disposed;
  }

  /** Releases the model at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Locates a model, and downloads it if need be. */
  #locate(name: string, functions: CallerFunctions): Promise<string> {
    const { onProgress, onWarning } = this.#hub;
    return locateModel(name, {
      ...this.#hub,
      onProgress: functions.wrap(onProgress),
      onWarning: functions.wrap(onWarning),
      signal: functions.signal,
    });
  }

  #inputIds({ prompt, prompts, inputIds, messages, chat }: GenerateInput): readonly (readonly number[])[] {
    if (inputIds) return (typeof inputIds[0] === "number" ? [inputIds] : inputIds) as readonly (readonly number[])[];
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

/**
 * Loads a model: `config.json`, weights in safetensors, and its tokenizer; or a GGUF file.
 *
 * @param name a directory, a GGUF file, a bundled model's name, or `owner/name` on the Hub, which is downloaded once
 * @throws LecternError with code `abort` as soon as `signal` fires
 */
export async function loadModel(name: string, options: LoadOptions = {}): Promise<Model> {
  checkLoad(name, options);
  const functions = new CallerFunctions(options.signal);
  return functions.settle(load(name, functions.guard(options), options), (model) => model.dispose());
}

/** @param own the options as the caller gave them, for what the model fetches later */
async function load(name: string, options: LoadOptions, own: LoadOptions): Promise<Model> {
  const { threads, device, precision, prefixCacheBytes, maxSequences, maxCacheBytes, force, families } = options;
  const { signal, cacheDir, offline, onProgress, onWarning } = options;
  throwIfAborted(signal);
  const files = await openDirectory(await locateModel(name, options));
  throwIfAborted(signal);
  const hub: HubOptions = { cacheDir, offline, onProgress, onWarning, signal };
  const isAdapter = await files.has("adapter_config.json");
  check(
    isAdapter || options.base === undefined,
    "usage",
    () => `${files.location} is a whole model: base goes with the directory of an adapter`,
  );
  const given = options.base === undefined ? undefined : await locateModel(options.base, hub);
  const base = isAdapter ? (given ?? (await locateBase(files, hub))) : undefined;
  const limits = { prefixCacheBytes, maxSequences, maxCacheBytes };
  const source = { location: files.location, base, threads, device, precision, ...limits, force };
  const opening = families ? openHere({ ...source, families }, signal) : openHost(source, signal);
  const tokenizer = tokenizerOf(files, base); // read while the worker starts
  tokenizer.catch(() => {}); // reported below, once the worker has told its own reasons
  const host = await opening;
  try {
    throwIfAborted(signal);
    for (const warning of host.description.warnings) (onWarning ?? warn)(warning);
    const read = await tokenizer;
    throwIfAborted(signal);
    return new Model(host, read, files, {
      cacheDir,
      offline,
      onProgress: own.onProgress,
      onWarning: own.onWarning,
    });
  } catch (error) {
    await host.dispose();
    throw error;
  }
}
