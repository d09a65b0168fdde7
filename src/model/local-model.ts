import { check, LecternError } from "../common/index.ts";
import { openDirectory } from "../formats/index.ts";
import {
  AssistantDrafter,
  beamSearch,
  constrainedBeamSearch,
  contrastiveSearch,
  type Decoder,
  diverseBeamSearch,
  type GenerateContext,
  type GenerationOptions,
  GuidedDecoder,
  generate,
  generationFields,
  type Healing,
  LookupDrafter,
  parseOptions,
  type Sequence,
  speculate,
  type TokenEvent,
} from "../generation/index.ts";
import { IGNORED_LABEL } from "../graph/index.ts";
import type { SessionOptions } from "../runtime/index.ts";
import { elementCount, type HostTensor } from "../tensor/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { openAdapted } from "./adapted-model.ts";
import { type Adapter, AdapterSet, readAdapter } from "./adapters.ts";
import { CachedDecoder, DecodeEngine, type DecodeUse, type GeneratingArchitecture } from "./cached-decoder.ts";
import type { EncoderMemory } from "./encoder-memory.ts";
import { type ForwardInputs, type ForwardOptions, ForwardPass, type ForwardResult } from "./forward.ts";
import type { Generated, GenerateHooks, GenerateRequest, ModelDescription, ModelHost, ModelSource } from "./host.ts";
import { type Inside, stepsInside } from "./inside.ts";
import { tokenizerOf } from "./load-tokenizer.ts";
import { LookingDecoder } from "./looking-decoder.ts";
import { generating, type ModelFiles, type OpenedModelFiles, openModelFiles, readJsonFile } from "./model-files.ts";
import { RecurrentDecoder, RecurrentEngine } from "./recurrent-decoder.ts";
import { TranslatorDecoder, TranslatorEngine } from "./recurrent-translator.ts";
import { type Strategy, strategyOf, useOf } from "./strategy.ts";
import { checkTokenizer } from "./tokenizer-check.ts";
import { UncachedDecoder } from "./uncached-decoder.ts";
import type { Weights } from "./weights.ts";

/** What a generation begins with. */
interface Beginning {
  readonly decoderOf: (rows: readonly number[]) => Decoder;
  readonly prompts: readonly (readonly number[])[];
  /** What the encoder made of each prompt, where one reads them and attention looks back at it. */
  readonly memories?: readonly EncoderMemory[];
}

/** The adapter's name where a directory holds nothing else. */
const ADAPTER_OF_DIRECTORY = "default";

type Engine = DecodeEngine | RecurrentEngine | TranslatorEngine;

/** The same model, cut off after some layers of what decodes. */
function withLayers(architecture: ReturnType<typeof generating>, count: number): ReturnType<typeof generating> {
  const { kind, family } = architecture;
  if (kind !== "decoder" && kind !== "encoder-decoder")
    throw new LecternError("unsupported", `generation: assistantEarlyExit needs layers to leave out; ${family.name}`);
  const all = kind === "decoder" ? architecture.config.numHiddenLayers : architecture.config.decoderLayers;
  check(
    count < all,
    "usage",
    () => `generation: assistantEarlyExit ${count} leaves nothing out of the model's ${all} layers`,
  );
  if (kind === "decoder") return { ...architecture, config: { ...architecture.config, numHiddenLayers: count } };
  return { ...architecture, config: { ...architecture.config, decoderLayers: count } };
}

function createEngine(
  architecture: ReturnType<typeof generating>,
  weights: Weights,
  options: SessionOptions,
  use: DecodeUse,
): Promise<Engine> {
  if (use.showsAll && architecture.kind.startsWith("recurrent"))
    throw new LecternError(
      "unsupported",
      `a ${architecture.family.name} cannot go back: no guessing ahead, no contrastive search`,
    );
  if (architecture.kind === "recurrent") return RecurrentEngine.create(architecture, weights, options);
  if (architecture.kind === "recurrent-encoder-decoder") return TranslatorEngine.create(architecture, weights, options);
  return DecodeEngine.create(architecture as GeneratingArchitecture, weights, options, use);
}

/** A model that computes in this thread. */
export class LocalModel implements ModelHost {
  readonly description: ModelDescription;
  readonly #files: ModelFiles;
  readonly #tokenizer: Tokenizer | undefined;
  readonly #generationConfig: Readonly<Record<string, unknown>>;
  readonly #threads: number | undefined;
  readonly #adapters: AdapterSet;
  #forward: ForwardPass;
  /** Sessions for decoding, by what they are made for. */
  readonly #engines = new Map<string, Promise<Engine>>();
  /** Models that guess ahead for this one, by directory, and how much their last guesses made them guess next. */
  readonly #assistants = new Map<string, Promise<LocalModel>>();
  readonly #guesses = new Map<string, number>();

  private constructor(
    files: OpenedModelFiles,
    tokenizer: Tokenizer | undefined,
    generationConfig: Readonly<Record<string, unknown>>,
    threads: number | undefined,
  ) {
    this.#files = files;
    this.#tokenizer = tokenizer;
    this.#generationConfig = generationConfig;
    this.#threads = threads;
    this.#forward = new ForwardPass(files.architecture, files.weights, threads);
    this.#adapters = new AdapterSet(files.weights, files.architecture);
    const { checkpoint } = files.weights;
    this.description = {
      family: files.architecture.family.name,
      kind: files.architecture.kind,
      isEncoderDecoder: files.architecture.kind.endsWith("encoder-decoder"),
      isEncoder: files.architecture.kind === "encoder",
      config: files.json,
      generationConfig,
      contextWindow: files.architecture.config.maxPositionEmbeddings,
      parameterCount: checkpoint.names().reduce((sum, name) => sum + elementCount(checkpoint.info(name).shape), 0),
      warnings: files.warnings,
      startToken: (generationConfig.bos_token_id ?? files.json.bos_token_id ?? undefined) as number | undefined,
    };
  }

  static async open({ location, base, threads, force = false }: ModelSource): Promise<LocalModel> {
    const files = await openDirectory(location);
    const adapted = (await files.has("adapter_config.json")) ? await openAdapted(files, base) : undefined;
    const parts = adapted ?? (await openModelFiles(files));
    const tokenizer = await tokenizerOf(files, base);
    const stored = (await files.has("generation_config.json"))
      ? await readJsonFile(files, "generation_config.json")
      : undefined;
    if (tokenizer && !force) {
      const { vocabSize, sourceVocabSize = 0 } = parts.architecture.config;
      const most = Math.max(vocabSize, sourceVocabSize);
      checkTokenizer({ location, tokenizer, config: parts.json, generationConfig: stored ?? {}, vocabSize: most });
    }
    const generationConfig = stored ?? generationFields(parts.json);
    const model = new LocalModel(parts, tokenizer, generationConfig, threads);
    if (adapted) await model.#add(ADAPTER_OF_DIRECTORY, adapted.adapter);
    return model;
  }

  /** Reads a LoRA adapter and puts it in use. */
  async addAdapter(name: string, location: string): Promise<void> {
    await this.#add(name, await readAdapter(location, this.#files.architecture));
  }

  /** Puts an adapter in use that was added; undefined: none. Nothing is loaded or compiled again. */
  async useAdapter(name: string | undefined): Promise<void> {
    await this.#adapters.use(name);
  }

  /** Sessions are made anew on next need: they now read what the adapter changes. */
  async #add(name: string, adapter: Adapter): Promise<void> {
    if (this.#files.architecture.kind.startsWith("recurrent"))
      throw new LecternError("unsupported", "adapters of recurrent models are not supported: fine-tune all weights");
    await this.#adapters.add(name, adapter);
    await this.#adapters.use(name);
    await this.#forward.dispose();
    for (const engine of this.#engines.values()) await (await engine).dispose();
    this.#engines.clear();
    this.#forward = new ForwardPass(this.#files.architecture, this.#files.weights, this.#threads);
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
    this.#checkIds(inputs.inputIds, true);
    const { kind, config } = this.#files.architecture;
    const isWords = kind === "recurrent" || kind === "recurrent-encoder-decoder" || config.head.kind === "words";
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
    const asked = { seed: Math.floor(Math.random() * 2 ** 32), ...defaults, ...options };
    const strategy = strategyOf(asked, options);
    // A search that was asked for goes before a checkpoint's habit of drawing.
    const searches = strategy === "contrastive" || strategy === "constrained beams" || strategy === "diverse beams";
    const chosen = searches ? { ...asked, doSample: options.doSample ?? false } : asked;
    const engine = await this.#engineFor(architecture, useOf(strategy, architecture, chosen, inputIds.length));
    const engineBefore = engine.computedMs;
    const { rows, healings } = this.#heal(inputIds, chosen, strategy);
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
      healings,
      signal: hooks.signal,
    };
    let firstTokenMs = 0;
    const { decoderOf, prompts, memories } = await this.#begin(engine, architecture, rows, chosen);
    const sequences: Sequence[] = [];
    check(
      !candidates || !strategy.endsWith("beams"),
      "usage",
      () =>
        `generation: candidates need a single beam; got numBeams ${chosen.numBeams}; set numBeams to 1 (--num-beams 1)`,
    );
    if (strategy === "one by one")
      sequences.push(...(await generate(decoderOf([...prompts.keys()]), prompts, chosen, context)));
    else
      for (const [i, prompt] of prompts.entries()) {
        if (strategy === "speculative" || strategy === "contrastive") {
          const decoder = new LookingDecoder(engine as DecodeEngine, memories?.slice(i, i + 1));
          const sequence =
            strategy === "contrastive"
              ? await contrastiveSearch(decoder, prompt, i, chosen, context)
              : await this.#speculate(decoder, architecture, rows[i] as number[], prompt, i, chosen, context);
          sequences.push(sequence);
        } else {
          const search = {
            beams: beamSearch,
            "diverse beams": diverseBeamSearch,
            "constrained beams": constrainedBeamSearch,
          }[strategy];
          sequences.push(...(await search(decoderOf([i]), prompt, i, chosen, context)));
        }
      }
    if (chosen.outputAttentions || chosen.outputHiddenStates) {
      const perPrompt = sequences.length / prompts.length;
      for (const [i, sequence] of sequences.entries()) {
        const at = Math.floor(i / perPrompt);
        const begun = { read: rows[at] as readonly number[], prompt: prompts[at] as readonly number[] };
        sequences[i] = { ...sequence, ...(await this.#lookInside(sequence, begun, chosen)) };
      }
    }
    const totalMs = performance.now() - started;
    const count = sequences.reduce((sum, { outputIds }) => sum + outputIds.length, 0);
    const tokensPerSecond = (1000 * Math.max(0, count - sequences.length)) / Math.max(1, totalMs - firstTokenMs);
    return {
      inputIds: rows,
      sequences,
      timing: { firstTokenMs, totalMs, tokensPerSecond, engineMs: engine.computedMs - engineBefore },
    };
  }

  /** The session for a use, made on first need; one that shows more than plain decoding leaves weights in their file. */
  #engineFor(architecture: ReturnType<typeof generating>, use: DecodeUse, layers?: number): Promise<Engine> {
    const key = JSON.stringify([use, layers]);
    let engine = this.#engines.get(key);
    if (!engine) {
      const options = { threads: this.#threads, ...(use.showsAll && { prepack: false }) };
      engine = createEngine(architecture, this.#files.weights, options, use);
      this.#engines.set(key, engine);
      engine.catch(() => this.#engines.delete(key)); // what was not made needs no disposing
    }
    return engine;
  }

  async #speculate(
    decoder: LookingDecoder,
    architecture: ReturnType<typeof generating>,
    row: readonly number[],
    prompt: readonly number[],
    index: number,
    options: GenerationOptions,
    context: GenerateContext,
  ): Promise<Sequence> {
    if (options.promptLookupNumTokens)
      return speculate(decoder, new LookupDrafter(options), prompt, index, options, context);
    const { assistantModel = "", assistantEarlyExit: layers, numAssistantTokensSchedule: schedule } = options;
    const assistant = layers === undefined ? await this.#assistant(assistantModel, architecture) : this;
    const own = layers === undefined ? generating(assistant.#files) : withLayers(architecture, layers);
    const engine = await assistant.#engineFor(own, {}, layers);
    const { decoderOf } = await assistant.#begin(engine, own, [row], { decoderStartTokenId: prompt[0] as number });
    const count = schedule === "heuristic" ? this.#guesses.get(assistantModel) : undefined;
    const drafter = new AssistantDrafter(decoderOf([0]) as CachedDecoder, options, count);
    const sequence = await speculate(decoder, drafter, prompt, index, options, context);
    this.#guesses.set(assistantModel, drafter.count);
    return sequence;
  }

  async #assistant(location: string, { kind }: { readonly kind: string }): Promise<LocalModel> {
    const known = this.#assistants.get(location);
    if (known) return known;
    const opening = (async () => {
      const assistant = await LocalModel.open({ location, threads: this.#threads });
      const { architecture } = assistant.#files;
      const probe = "The assistant, 1 of 2: möchte 東京?\n";
      const reads = (tokenizer: Tokenizer | undefined): string => `${tokenizer?.encode(probe).ids}`;
      const isSame =
        architecture.config.vocabSize === this.#files.architecture.config.vocabSize &&
        reads(assistant.#tokenizer) === reads(this.#tokenizer);
      if (architecture.kind !== kind || !isSame) {
        await assistant.dispose();
        throw new LecternError(
          "usage",
          `generation: assistantModel ${location} must be of the same kind (${kind}) and have the model's own tokenizer`,
        );
      }
      return assistant;
    })();
    this.#assistants.set(location, opening);
    opening.catch(() => this.#assistants.delete(location));
    return opening;
  }

  /** Takes back the last token of each prompt where another begins with its text. */
  #heal(
    inputIds: readonly (readonly number[])[],
    { tokenHealing }: GenerationOptions,
    strategy: Strategy,
  ): { rows: readonly (readonly number[])[]; healings?: (Healing | undefined)[] } {
    if (!tokenHealing) return { rows: inputIds };
    const tokenizer = this.#tokenizer;
    if (this.description.isEncoderDecoder)
      throw new LecternError(
        "unsupported",
        "generation: tokenHealing goes on from a prompt: not in an encoder–decoder",
      );
    check(tokenizer, "input", () => "generation: tokenHealing needs the model's tokenizer");
    check(
      !strategy.endsWith("beams") && strategy !== "contrastive",
      "usage",
      () => `generation: tokenHealing and ${strategy} do not go together: leave one out`,
    );
    const vocabulary = Array.from({ length: tokenizer.vocabularySize }, (_, id) => tokenizer.token(id) ?? "");
    const healings = inputIds.map((row): Healing | undefined => {
      const last = row.at(-1) as number;
      const token = vocabulary[last] ?? "";
      const stream = tokenizer.stream({ skipSpecialTokens: true });
      const text = stream.push(last) + stream.end();
      const allowed = vocabulary.flatMap((other, id) => (token !== "" && other.startsWith(token) ? [id] : []));
      const isPlain = text !== "" && !text.includes("\uFFFD");
      return row.length > 1 && isPlain && allowed.length > 1 ? { allowed: new Set(allowed), text } : undefined;
    });
    return { rows: inputIds.map((row, i) => (healings[i] ? row.slice(0, -1) : row)), healings };
  }

  /** What lay inside the model at each step of a sequence: one more pass over all of it. */
  async #lookInside(
    { outputIds }: Sequence,
    { read, prompt }: { readonly read: readonly number[]; readonly prompt: readonly number[] },
    { outputAttentions = false, outputHiddenStates = false }: GenerationOptions,
  ): Promise<Inside> {
    const { kind, family } = this.#files.architecture;
    if (kind.startsWith("recurrent"))
      throw new LecternError("unsupported", `${family.name}: hidden states of each step come from forward`);
    const whole = [...prompt, ...outputIds.slice(0, -1)];
    const inputs = this.description.isEncoderDecoder
      ? { inputIds: [read], decoderInputIds: [whole] }
      : { inputIds: [whole] };
    const pass = await this.#forward.run(inputs, { attentions: outputAttentions, hiddenStates: outputHiddenStates });
    return stepsInside(pass, prompt.length);
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
    this.#checkIds(inputIds, true);
    for (const row of inputIds) {
      check(row.length > 0, "input", () => "the encoder's input gives no token at all: give it some text");
      check(
        row.length <= maxPositionEmbeddings,
        "input",
        () =>
          `the encoder's input has ${row.length} tokens, its window ${maxPositionEmbeddings}: ${row.length - maxPositionEmbeddings} too many`,
      );
    }
    const { bos_token_id: begin } = this.#generationConfig; // where no start token is said, as in transformers
    const start = decoderStartTokenId ?? (typeof begin === "number" ? begin : architecture.config.decoderStartTokenId);
    check(
      Number.isSafeInteger(start),
      "config",
      () => "generation: no token for the decoder to begin with; got none in config.json; give decoderStartTokenId",
    );
    const prompts = inputIds.map(() => [start]);
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
    for (const engine of this.#engines.values()) await (await engine).dispose();
    for (const assistant of this.#assistants.values()) await (await assistant).dispose();
  }

  /** @param isSource whether an encoder reads them, which may know other words than its decoder */
  #checkIds(rows: readonly (readonly number[])[], isSource = false): void {
    const { vocabSize, sourceVocabSize = vocabSize } = this.#files.architecture.config;
    const size = isSource ? sourceVocabSize : vocabSize;
    const outside = rows.flat().find((id) => !Number.isInteger(id) || id < 0 || id >= size);
    if (outside !== undefined)
      throw new LecternError("input", `token id ${outside} is outside the vocabulary of ${size}`);
  }
}
