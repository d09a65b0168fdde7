import { check, LecternError } from "../common/index.ts";
import {
  type FinishReason,
  type GenerationOptions,
  generate,
  parseOptions,
  type Sequence,
  type TokenEvent,
} from "../generation/index.ts";
import { IGNORED_LABEL } from "../graph/index.ts";
import { openFiles } from "../runtime/index.ts";
import { elementCount } from "../tensor/index.ts";
import { loadTokenizer, type Message, type Tokenizer } from "../tokenizers/index.ts";
import { CachedDecoder, DecodeEngine } from "./cached-decoder.ts";
import { type ForwardInputs, type ForwardOptions, ForwardPass, type ForwardResult } from "./forward.ts";
import { type ModelFiles, openModelFiles, readJsonFile } from "./model-files.ts";

export interface LoadOptions {
  /** How many threads compute; default: the engine's choice. */
  readonly threads?: number | undefined;
  /** Only float32 for now; `auto` is float32. */
  readonly precision?: "auto" | "float32" | undefined;
}

/** One of these, or several prompts at once. */
export interface GenerateInput {
  readonly prompt?: string;
  readonly prompts?: readonly string[];
  /** Used as they are; nothing is added. */
  readonly inputIds?: readonly (readonly number[])[];
  /** A conversation, written out by the model's chat template. */
  readonly messages?: readonly Message[];
}

export interface GenerateOptions extends GenerationOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onToken?: ((event: TokenEvent) => void) | undefined;
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
  readonly timing: { readonly firstTokenMs: number; readonly totalMs: number; readonly tokensPerSecond: number };
}

/** A loaded model with the tokenizer it was trained with. */
export class Model {
  readonly tokenizer: Tokenizer | undefined;
  readonly #files: ModelFiles;
  readonly #defaults: GenerationOptions;
  readonly #startToken: number | undefined;
  readonly #threads: number | undefined;
  readonly #forward: ForwardPass;
  #engine: Promise<DecodeEngine> | undefined;

  constructor(
    files: ModelFiles,
    tokenizer: Tokenizer | undefined,
    generationConfig: Readonly<Record<string, unknown>>,
    options: LoadOptions,
  ) {
    this.#files = files;
    this.tokenizer = tokenizer;
    this.#defaults = parseOptions({ eos_token_id: files.json.eos_token_id ?? null, ...generationConfig });
    this.#startToken = (generationConfig.bos_token_id ?? files.json.bos_token_id ?? undefined) as number | undefined;
    this.#threads = options.threads;
    this.#forward = new ForwardPass(files.family, files.config, files.weights, options.threads);
  }

  /** "LLaMA" */
  get family(): string {
    return this.#files.family.name;
  }

  /** `config.json` as it stands. */
  get config(): Readonly<Record<string, unknown>> {
    return this.#files.json;
  }

  get contextWindow(): number {
    return this.#files.config.maxPositionEmbeddings;
  }

  get parameterCount(): number {
    const { checkpoint } = this.#files.weights;
    return checkpoint.names().reduce((sum, name) => sum + elementCount(checkpoint.info(name).shape), 0);
  }

  /** One pass over whole rows: logits, and on request what lies inside. */
  async forward(inputs: ForwardInputs, options: ForwardOptions = {}): Promise<ForwardResult> {
    const width = inputs.inputIds[0]?.length ?? 0;
    check(width > 0, "input", () => "forward: there is no token to compute");
    check(
      width <= this.contextWindow,
      "input",
      () =>
        `forward: ${width} tokens, but the context window has ${this.contextWindow}: ${width - this.contextWindow} too many`,
    );
    this.#checkIds(inputs.inputIds);
    this.#checkIds(inputs.labels?.map((row) => row.filter((id) => id !== IGNORED_LABEL)) ?? []);
    for (const [name, rows] of Object.entries({ attentionMask: inputs.attentionMask, labels: inputs.labels })) {
      const fits =
        rows === undefined || (rows.length === inputs.inputIds.length && rows.every((row) => row.length === width));
      check(
        fits,
        "shape",
        () => `forward: ${name} must have the shape of inputIds, [${inputs.inputIds.length}, ${width}]`,
      );
    }
    return this.#forward.run(inputs, options);
  }

  /** Generates text; options not given are those of the checkpoint's `generation_config.json`. */
  async generate(input: GenerateInput, options: GenerateOptions = {}): Promise<GenerateResult> {
    const { signal, onToken, candidates, ...rest } = options;
    const chosen: GenerationOptions = {
      seed: Math.floor(Math.random() * 2 ** 32),
      ...this.#defaults,
      ...parseOptions(rest),
    };
    const inputIds = this.#inputIds(input);
    this.#engine ??= DecodeEngine.create(this.#files.family, this.#files.config, this.#files.weights, this.#threads);
    const decoder = new CachedDecoder(await this.#engine);
    const started = performance.now();
    let firstTokenMs = 0;
    const sequences = await generate(decoder, inputIds, chosen, {
      text: () => this.tokenizer?.stream({ skipSpecialTokens: true }) ?? { push: () => "", end: () => "" },
      onToken: (event) => {
        firstTokenMs ||= performance.now() - started;
        onToken?.(event);
      },
      candidates,
      signal,
    });
    const totalMs = performance.now() - started;
    const count = sequences.reduce((sum, { outputIds }) => sum + outputIds.length, 0);
    const timing = {
      firstTokenMs,
      totalMs,
      tokensPerSecond: (1000 * Math.max(0, count - sequences.length)) / Math.max(1, totalMs - firstTokenMs),
    };
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

  async dispose(): Promise<void> {
    await this.#forward.dispose();
    await (await this.#engine)?.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #inputIds({ prompt, prompts, inputIds, messages }: GenerateInput): readonly (readonly number[])[] {
    const given = [prompt, prompts, inputIds, messages].filter((value) => value !== undefined);
    check(given.length === 1, "usage", () => "generate: give one of prompt, prompts, inputIds, messages");
    if (inputIds) return inputIds;
    const { tokenizer } = this;
    if (!tokenizer) throw new LecternError("input", "this model's directory has no tokenizer.json: give inputIds");
    if (messages) return [tokenizer.encode(tokenizer.applyChatTemplate(messages), { addSpecialTokens: false }).ids];
    return (prompts ?? [prompt as string]).map((text) => {
      const { ids } = tokenizer.encode(text);
      return ids.length === 0 && this.#startToken !== undefined ? [this.#startToken] : ids;
    });
  }

  #checkIds(rows: readonly (readonly number[])[]): void {
    const size = this.#files.config.vocabSize;
    const outside = rows.flat().find((id) => !Number.isInteger(id) || id < 0 || id >= size);
    check(outside === undefined, "input", () => `token id ${outside} is outside the vocabulary of ${size}`);
  }
}

/** Loads a Hugging Face directory: `config.json`, weights in safetensors, and its tokenizer. */
export async function loadModel(location: string, options: LoadOptions = {}): Promise<Model> {
  const { precision } = options as { precision?: string };
  if (precision !== undefined && precision !== "auto" && precision !== "float32")
    throw new LecternError("unsupported", `precision ${precision} is not available yet; use float32`);
  const files = await openFiles(location);
  const parts = await openModelFiles(files);
  const tokenizer = await loadTokenizer(files);
  const size = tokenizer?.vocabularySize ?? 0;
  check(
    size <= parts.config.vocabSize,
    "config",
    () =>
      `${location}: the tokenizer has ${size} tokens, the model's embedding ${parts.config.vocabSize}: they do not belong together`,
  );
  const generationConfig = (await files.has("generation_config.json"))
    ? await readJsonFile(files, "generation_config.json")
    : {};
  return new Model(parts, tokenizer, generationConfig, options);
}
