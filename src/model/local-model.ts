import { check, LecternError } from "../common/index.ts";
import {
  beamSearch,
  contrastiveSearch,
  type Decoder,
  diverseBeamSearch,
  type GenerateContext,
  type GenerationOptions,
  GuidedDecoder,
  generate,
  parseOptions,
  promptLookup,
  type Sequence,
  type TokenEvent,
} from "../generation/index.ts";
import { IGNORED_LABEL } from "../graph/index.ts";
import { openFiles, type SessionOptions } from "../runtime/index.ts";
import { elementCount, type HostTensor } from "../tensor/index.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizers/index.ts";
import { CachedDecoder, DecodeEngine } from "./cached-decoder.ts";
import type { EncoderMemory } from "./encoder-memory.ts";
import { type ForwardInputs, type ForwardOptions, ForwardPass, type ForwardResult } from "./forward.ts";
import type { Generated, GenerateHooks, GenerateRequest, ModelDescription, ModelHost, ModelSource } from "./host.ts";
import { LookingDecoder } from "./looking-decoder.ts";
import { generating, type ModelFiles, openModelFiles, readJsonFile } from "./model-files.ts";
import { RecurrentDecoder, RecurrentEngine } from "./recurrent-decoder.ts";
import { TranslatorDecoder, TranslatorEngine } from "./recurrent-translator.ts";
import { UncachedDecoder } from "./uncached-decoder.ts";
import type { Weights } from "./weights.ts";

/** What a generation begins with. */
interface Beginning {
  readonly decoderOf: (rows: readonly number[]) => Decoder;
  readonly prompts: readonly (readonly number[])[];
  /** What the encoder made of each prompt, where one reads them and attention looks back at it. */
  readonly memories?: readonly EncoderMemory[];
}

type Engine = DecodeEngine | RecurrentEngine | TranslatorEngine;

/** The way of decoding that looks ahead, if the options ask for one; what it does not go with is refused. */
function lookahead(options: GenerationOptions): typeof promptLookup | undefined {
  const wanted = { penaltyAlpha: contrastiveSearch, promptLookupNumTokens: promptLookup } as const;
  const named = (["penaltyAlpha", "promptLookupNumTokens"] as const).filter((name) => options[name]);
  const [first] = named;
  check(
    options.maxMatchingNgramSize === undefined || options.promptLookupNumTokens !== undefined,
    "usage",
    () => "generation: maxMatchingNgramSize does nothing without promptLookupNumTokens",
  );
  if (first === undefined) return undefined;
  const against = {
    ...(named.length > 1 && { promptLookupNumTokens: true }),
    ...((options.guidanceScale ?? 1) !== 1 && { guidanceScale: true }),
    ...(options.useCache === false && { useCache: true }),
  };
  const [other] = Object.keys(against);
  check(other === undefined, "usage", () => `generation: ${first} and ${other} do not go together: leave one out`);
  return wanted[first];
}

function createEngine(
  architecture: ReturnType<typeof generating>,
  weights: Weights,
  options: SessionOptions,
): Promise<Engine> {
  if (architecture.kind === "recurrent") return RecurrentEngine.create(architecture, weights, options);
  if (architecture.kind === "recurrent-encoder-decoder") return TranslatorEngine.create(architecture, weights, options);
  return DecodeEngine.create(architecture, weights, options);
}

/** A model that computes in this thread. */
export class LocalModel implements ModelHost {
  readonly description: ModelDescription;
  readonly #files: ModelFiles;
  readonly #tokenizer: Tokenizer | undefined;
  readonly #generationConfig: Readonly<Record<string, unknown>>;
  readonly #threads: number | undefined;
  readonly #forward: ForwardPass;
  #engine: Promise<Engine> | undefined;
  #looking: Promise<DecodeEngine> | undefined;

  private constructor(
    files: ModelFiles,
    tokenizer: Tokenizer | undefined,
    generationConfig: Readonly<Record<string, unknown>>,
    threads: number | undefined,
  ) {
    this.#files = files;
    this.#tokenizer = tokenizer;
    this.#generationConfig = generationConfig;
    this.#threads = threads;
    this.#forward = new ForwardPass(files.architecture, files.weights, threads);
    const { checkpoint } = files.weights;
    this.description = {
      family: files.architecture.family.name,
      isEncoderDecoder: files.architecture.kind.endsWith("encoder-decoder"),
      config: files.json,
      contextWindow: files.architecture.config.maxPositionEmbeddings,
      parameterCount: checkpoint.names().reduce((sum, name) => sum + elementCount(checkpoint.info(name).shape), 0),
      startToken: (generationConfig.bos_token_id ?? files.json.bos_token_id ?? undefined) as number | undefined,
    };
  }

  static async open({ location, threads }: ModelSource): Promise<LocalModel> {
    const files = await openFiles(location);
    const parts = await openModelFiles(files);
    const tokenizer = await loadTokenizer(files);
    const size = tokenizer?.vocabularySize ?? 0;
    check(
      size <= parts.architecture.config.vocabSize,
      "config",
      () =>
        `${location}: the tokenizer has ${size} tokens, the model's embedding ${parts.architecture.config.vocabSize}: they do not belong together`,
    );
    const generationConfig = (await files.has("generation_config.json"))
      ? await readJsonFile(files, "generation_config.json")
      : {};
    return new LocalModel(parts, tokenizer, generationConfig, threads);
  }

  async forward(inputs: ForwardInputs, options: ForwardOptions): Promise<ForwardResult> {
    const { contextWindow } = this.description;
    const width = inputs.inputIds[0]?.length ?? 0;
    check(width > 0, "input", () => "forward: there is no token to compute");
    check(
      width <= contextWindow,
      "input",
      () => `forward: ${width} tokens, but the context window has ${contextWindow}: ${width - contextWindow} too many`,
    );
    this.#checkIds(inputs.inputIds);
    const { kind, config } = this.#files.architecture;
    const isWords =
      kind === "decoder" ||
      kind === "recurrent" ||
      kind === "recurrent-encoder-decoder" ||
      config.head.kind === "words";
    const isAligned = isWords && !kind.endsWith("encoder-decoder"); // one label for each token of inputIds
    this.#checkIds(inputs.decoderInputIds ?? []);
    if (isWords)
      this.#checkIds(
        (inputs.labels as number[][] | undefined)?.map((row) => row.filter((id) => id !== IGNORED_LABEL)) ?? [],
      );
    const { attentionMask, tokenTypeIds, labels } = inputs;
    const matrices = { attentionMask, tokenTypeIds, ...(Array.isArray(labels?.[0]) && isAligned && { labels }) };
    for (const [name, rows] of Object.entries(matrices) as [string, readonly (readonly number[])[] | undefined][]) {
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

  async generate({ inputIds, options, candidates }: GenerateRequest, hooks: GenerateHooks): Promise<Generated> {
    const architecture = generating(this.#files);
    const defaults = parseOptions({ eos_token_id: this.#files.json.eos_token_id ?? null, ...this.#generationConfig });
    const chosen = { seed: Math.floor(Math.random() * 2 ** 32), ...defaults, ...options };
    const looksAhead = lookahead(chosen);
    const engine = await (looksAhead ? this.#lookingEngine(architecture) : this.#plainEngine(architecture));
    const engineBefore = engine.computedMs;
    const started = performance.now();
    const context: GenerateContext = {
      text: () => this.#tokenizer?.stream({ skipSpecialTokens: true }) ?? { push: () => "", end: () => "" },
      replacement: this.#tokenizer?.encode("\uFFFD", { addSpecialTokens: false }).ids,
      encoderIds: architecture.kind.endsWith("encoder-decoder") ? inputIds : undefined,
      onToken: (event: TokenEvent) => {
        firstTokenMs ||= performance.now() - started;
        hooks.onToken?.(event);
      },
      logitsProcessor: hooks.logitsProcessor,
      stoppingCriteria: hooks.stoppingCriteria,
      candidates,
      signal: hooks.signal,
    };
    let firstTokenMs = 0;
    const { decoderOf, prompts, memories } = await this.#begin(engine, architecture, inputIds, chosen);
    const sequences: Sequence[] = [];
    check(
      !chosen.diversityPenalty || (chosen.numBeamGroups ?? 1) > 1,
      "usage",
      () => "generation: diversityPenalty does nothing without numBeamGroups",
    );
    check(
      (chosen.numBeamGroups ?? 1) <= (chosen.numBeams ?? 1),
      "usage",
      () => `generation: numBeamGroups ${chosen.numBeamGroups} is more than numBeams ${chosen.numBeams ?? 1}`,
    );
    const search = (chosen.numBeamGroups ?? 1) > 1 ? diverseBeamSearch : beamSearch;
    if (looksAhead) {
      for (const [i, prompt] of prompts.entries()) {
        const decoder = new LookingDecoder(engine as DecodeEngine, memories?.slice(i, i + 1));
        sequences.push(await looksAhead(decoder, prompt, i, chosen, context));
      }
    } else if ((chosen.numBeams ?? 1) > 1) {
      check(!candidates, "usage", () => "generation: candidates are shown of one sequence at a time, not of beams");
      for (const [i, prompt] of prompts.entries())
        sequences.push(...(await search(decoderOf([i]), prompt, i, chosen, context)));
    } else sequences.push(...(await generate(decoderOf([...prompts.keys()]), prompts, chosen, context)));
    const totalMs = performance.now() - started;
    const count = sequences.reduce((sum, { outputIds }) => sum + outputIds.length, 0);
    const tokensPerSecond = (1000 * Math.max(0, count - sequences.length)) / Math.max(1, totalMs - firstTokenMs);
    return {
      sequences,
      timing: { firstTokenMs, totalMs, tokensPerSecond, engineMs: engine.computedMs - engineBefore },
    };
  }

  #plainEngine(architecture: ReturnType<typeof generating>): Promise<Engine> {
    this.#engine ??= createEngine(architecture, this.#files.weights, { threads: this.#threads });
    return this.#engine;
  }

  /** An engine of its own, whose weights stay in their file: it returns more than plain decoding needs. */
  #lookingEngine(architecture: ReturnType<typeof generating>): Promise<DecodeEngine> {
    const { kind, family } = architecture;
    if (kind === "recurrent" || kind === "recurrent-encoder-decoder")
      throw new LecternError("unsupported", `a ${family.name} cannot go back: no prompt lookup, no contrastive search`);
    this.#looking ??= DecodeEngine.create(
      architecture,
      this.#files.weights,
      { threads: this.#threads, prepack: false },
      "all",
    );
    return this.#looking;
  }

  /** Decoders of the prompts; an encoder reads them, where there is one, and the decoder begins with its start token. */
  async #begin(
    engine: Engine,
    architecture: ReturnType<typeof generating>,
    inputIds: readonly (readonly number[])[],
    { guidanceScale = 1, negativePromptIds, decoderStartTokenId, useCache, prefillChunkSize }: GenerationOptions,
  ): Promise<Beginning> {
    if (architecture.kind === "decoder" || architecture.kind === "recurrent") {
      check(
        negativePromptIds === undefined || guidanceScale !== 1,
        "usage",
        () => "generation: negativePromptIds does nothing without guidanceScale",
      );
      const cached = (): CachedDecoder => new CachedDecoder(engine as DecodeEngine, [], prefillChunkSize);
      const plain = (): Decoder => {
        if (engine instanceof RecurrentEngine) return new RecurrentDecoder(engine);
        return useCache === false ? new UncachedDecoder(cached) : cached();
      };
      if (guidanceScale === 1) return { decoderOf: plain, prompts: inputIds };
      this.#checkIds(negativePromptIds ?? []);
      const guided = (rows: readonly number[]): Decoder =>
        new GuidedDecoder(plain(), plain(), {
          scale: guidanceScale,
          negative:
            negativePromptIds && rows.map((row) => (negativePromptIds[row] ?? negativePromptIds[0]) as number[]),
        });
      return { decoderOf: guided, prompts: inputIds };
    }
    if (guidanceScale !== 1)
      throw new LecternError("unsupported", "generation: guidanceScale needs a decoder-only model");
    const { maxPositionEmbeddings } = architecture.config;
    this.#checkIds(inputIds);
    for (const row of inputIds) {
      check(row.length > 0, "input", () => "the encoder's input gives no token at all: give it some text");
      check(
        row.length <= maxPositionEmbeddings,
        "input",
        () =>
          `the encoder's input has ${row.length} tokens, its window ${maxPositionEmbeddings}: ${row.length - maxPositionEmbeddings} too many`,
      );
    }
    const prompts = inputIds.map(() => [decoderStartTokenId ?? architecture.config.decoderStartTokenId]);
    if (engine instanceof TranslatorEngine) {
      const sources: Record<string, HostTensor>[] = [];
      for (const row of inputIds) sources.push(await engine.read(row));
      const decoderOf = (rows: readonly number[]): Decoder =>
        new TranslatorDecoder(
          engine,
          rows.map((row) => sources[row] as Record<string, HostTensor>),
        );
      return { decoderOf, prompts };
    }
    const memories: EncoderMemory[] = [];
    for (const row of inputIds) memories.push(await (engine as DecodeEngine).encode(row));
    const cached = (rows: readonly number[]): CachedDecoder =>
      new CachedDecoder(
        engine as DecodeEngine,
        rows.map((row) => memories[row] as EncoderMemory),
        prefillChunkSize,
      );
    const decoderOf = (rows: readonly number[]): Decoder =>
      useCache === false
        ? new UncachedDecoder((sources) => cached(sources.map((source) => rows[source] as number)))
        : cached(rows);
    return { decoderOf, prompts, memories };
  }

  async dispose(): Promise<void> {
    await this.#forward.dispose();
    await (await this.#engine)?.dispose();
    await (await this.#looking)?.dispose();
  }

  #checkIds(rows: readonly (readonly number[])[]): void {
    const size = this.#files.architecture.config.vocabSize;
    const outside = rows.flat().find((id) => !Number.isInteger(id) || id < 0 || id >= size);
    if (outside !== undefined)
      throw new LecternError("input", `token id ${outside} is outside the vocabulary of ${size}`);
  }
}
