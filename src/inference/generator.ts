import { check, LecternError } from "../common/index.ts";
import {
  AssistantDrafter,
  beamSearch,
  checkNamedIds,
  constrainedBeamSearch,
  contrastiveSearch,
  diverseBeamSearch,
  fittingNewTokens,
  type GenerateContext,
  type GenerationOptions,
  generate,
  LookupDrafter,
  overruledLengths,
  parseCheckpointOptions,
  type ScoringDecoder as Scoring,
  type Sequence,
  settleOptions,
  speculate,
  type TokenEvent,
} from "../generation/index.ts";
import { type Device, warn } from "../runtime/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { type Admission, priorityOf, sizeOf } from "./admission.ts";
import type { PrefixCache } from "./cache/prefix-cache.ts";
import type { CachedDecoder } from "./cached-decoder.ts";
import type { DecodeUse } from "./decode-engine.ts";
import { type DecodingSession, type DecodingStart, type RequestSession, rewindRefused } from "./decoding-start.ts";
import type { ForwardPass } from "./forward.ts";
import { checkGlobalMask } from "./global-mask.ts";
import { Constraints, constrainedOptions } from "./grammar/constraints.ts";
import type { Generated, GenerateHooks, GenerateRequest, Timing, Usage } from "./host/host.ts";
import { type GenerationRuntime, runtimeOf } from "./kinds/index.ts";
import { generating, type ModelFiles } from "./model-files.ts";
import { type Lease, type SessionPool, sessionKey } from "./sessions/session-pool.ts";
import { checkStepActivations, type StepActivations, stepActivations } from "./step-activations.ts";
import { type Strategy, strategyOf, useOf } from "./strategy.ts";
import { healPrompts } from "./token-healing.ts";
import type { WeightFeeds, Weights } from "./weights.ts";

export interface GeneratorParts {
  readonly files: ModelFiles;
  readonly tokenizer: Tokenizer | undefined;
  readonly generationConfig: Readonly<Record<string, unknown>>;
  readonly threads: number | undefined;
  readonly device: Device | undefined;
  readonly pool: SessionPool;
  readonly prefixes: PrefixCache;
  readonly admission: Admission;
  readonly openAssistant: (location: string) => Promise<Assistant>;
}

/** The weights of one request: how sessions bind them, what its adapter feeds, and a full pass over them. */
export interface RequestWeights {
  readonly weights: Weights;
  readonly feeds: WeightFeeds;
  readonly forward: ForwardPass;
}

/** A model that drafts for another one. */
export interface Assistant {
  readonly generator: Generator;
  requestWeights(): Promise<RequestWeights>;
  dispose(): Promise<void>;
}

/** A generation that may begin. */
interface Plan {
  readonly request: GenerateRequest;
  readonly generation: GenerationRuntime;
  readonly own: RequestWeights;
  readonly strategy: Strategy;
  readonly options: GenerationOptions;
  /** The token ids that are read: of an encoder–decoder by its encoder. */
  readonly rows: readonly (readonly number[])[];
  /** The tokens that token healing removed from each prompt. */
  readonly healings: GenerateContext["healings"];
  /** The form that the texts must have. */
  readonly constraint: GenerateContext["constraint"];
}

/** A generation under way. */
interface Job extends Plan {
  readonly engine: RequestSession;
  readonly context: GenerateContext;
}

/** The need that a decoding session is leased for. */
interface EngineNeed {
  readonly generation: GenerationRuntime;
  readonly use: DecodeUse;
  readonly weights: Weights;
  /** Only so many layers of what decodes. */
  readonly layers?: number | undefined;
}

/** Generates with one model: its sessions for decoding, and the models that speculate for it. */
export class Generator {
  readonly #parts: GeneratorParts;
  /** Models that speculate for this one, by directory, and how much their last guesses made them guess next. */
  readonly #assistants = new Map<string, Promise<Assistant>>();
  readonly #guesses = new Map<string, number>();
  readonly #constraints: Constraints;
  readonly #warned = new Set<string>();

  constructor(parts: GeneratorParts) {
    this.#parts = parts;
    this.#constraints = new Constraints(parts.tokenizer);
  }

  /** Generates as soon as the model has room. */
  async generate(request: GenerateRequest, hooks: GenerateHooks, own: RequestWeights): Promise<Generated> {
    const { admission, files } = this.#parts;
    const plan = this.#plan(request, own);
    const { options, rows, strategy } = plan;
    const { maxPositionEmbeddings: contextWindow } = files.architecture.config;
    const { isEncoderDecoder } = runtimeOf(files.architecture);
    const { maxTime } = options;
    const asked = performance.now();
    const entry = await admission.enter(sizeOf({ strategy, options, rows, contextWindow, isEncoderDecoder }), {
      priority: request.priority,
      signal: hooks.signal,
      maxTime,
    });
    const queueMs = performance.now() - asked;
    if (typeof entry === "string") return finished(rows, fillUp([], rows.length, options, entry), { queueMs });
    try {
      const left = maxTime !== undefined && { maxTime: maxTime - queueMs / 1000 };
      return await this.#generate({ ...plan, options: { ...options, ...left } }, hooks, queueMs);
    } finally {
      entry();
    }
  }

  #plan(request: GenerateRequest, own: RequestWeights): Plan {
    const { inputIds, options: given, form } = request;
    const { files, tokenizer, generationConfig } = this.#parts;
    const generation = generating(files);
    const { isEncoderDecoder } = runtimeOf(files.architecture);
    const checkpoint = parseCheckpointOptions({
      eos_token_id: files.json.eos_token_id ?? null,
      ...generationConfig,
    });
    for (const message of overruledLengths(given, checkpoint)) this.#warnOnce(message);
    const settled = { seed: Math.floor(Math.random() * 2 ** 32), ...settleOptions(given, checkpoint) };
    const options = form ? constrainedOptions(form.option, settled, given) : settled;
    const strategy = strategyOf(options, given);
    this.#check(options, strategy, request);
    checkGlobalMask(request, files.architecture);
    const { rows, healings } = healPrompts(inputIds, { options, strategy, tokenizer, isEncoderDecoder });
    const constraint = form && this.#constraints.of(form);
    return { request, generation, own, strategy, options, rows, healings, constraint };
  }

  #warnOnce(message: string): void {
    if (!this.#warned.has(message)) warn(message);
    this.#warned.add(message);
  }

  /** @param queueMs the time that the request has waited, in milliseconds */
  async #generate(plan: Plan, hooks: GenerateHooks, queueMs: number): Promise<Generated> {
    const { request, generation, own, strategy, options, rows, healings, constraint } = plan;
    const { tokenizer, files } = this.#parts;
    const hasGlobalTokens = request.globalAttentionMask !== undefined;
    const use = useOf(generation, { strategy, options, numPrompts: rows.length, hasGlobalTokens });
    const lease = await this.#lease({ generation, use, weights: own.weights });
    const engine = lease.session.forRequest(own.feeds, priorityOf(request.priority));
    const started = performance.now() - queueMs;
    let firstTokenMs = 0;
    const context: GenerateContext = {
      ...readingOf(tokenizer, constraint === undefined),
      encoderIds: runtimeOf(files.architecture).isEncoderDecoder ? rows : undefined,
      onToken: (event: TokenEvent) => {
        firstTokenMs ||= performance.now() - started;
        return hooks.onToken?.(event);
      },
      logitsProcessor: hooks.logitsProcessor,
      stoppingCriteria: hooks.stoppingCriteria,
      constraint,
      candidates: request.candidates,
      logProbs: request.logProbs,
      stopStringsIn: request.stopStringsIn,
      healings,
      signal: hooks.signal,
    };
    try {
      const sequences = await this.#run({ ...plan, engine, context });
      const totalMs = performance.now() - started;
      const { computedMs: engineMs, cachedTokens, weightBytes } = engine;
      return finished(rows, sequences, { queueMs, firstTokenMs, totalMs, engineMs, cachedTokens, weightBytes });
    } finally {
      engine.endRequest();
      lease.release();
    }
  }

  /** Frees the models that draft for this one. */
  async dispose(): Promise<void> {
    for (const assistant of this.#assistants.values()) await (await assistant).dispose();
    this.#assistants.clear();
  }

  /** Refuses what the model cannot give before anything is computed. */
  #check(options: GenerationOptions, strategy: Strategy, { candidates, logProbs }: GenerateRequest): void {
    const { architecture } = this.#parts.files;
    const { config } = architecture;
    check(
      !candidates || !strategy.endsWith("beams"),
      "usage",
      () =>
        `generation: candidates need a single beam; got numBeams ${options.numBeams}; set numBeams to 1 (--num-beams 1)`,
    );
    check(
      logProbs === undefined || !strategy.endsWith("beams"),
      "usage",
      () => `generate: logProbs need a single beam; got numBeams ${options.numBeams}; set numBeams to 1`,
    );
    checkStepActivations(architecture, options);
    check(
      options.stopStrings === undefined || this.#parts.tokenizer,
      "input",
      () => "generation: stopStrings are texts, and this model's directory has no tokenizer; give eosTokenId",
    );
    checkNamedIds(options, config.vocabSize);
  }

  /** The sequences of all prompts; where the caller cancels, those that there are, and empty ones. */
  async #run(job: Job): Promise<Sequence[]> {
    const { rows, options, context } = job;
    const sequences: Sequence[] = [];
    let prompts: DecodingStart["prompts"] = [];
    try {
      const { bos_token_id: begin } = this.#parts.generationConfig;
      const beginning = await job.engine.begin(rows, {
        options,
        beginToken: typeof begin === "number" ? begin : undefined,
        globalTokens: job.request.globalAttentionMask,
        signal: context.signal,
      });
      ({ prompts } = beginning);
      if (job.strategy === "autoregressive")
        sequences.push(...(await generate(beginning.decoderOf([...prompts.keys()]), prompts, options, context)));
      else for (const i of prompts.keys()) sequences.push(...(await this.#runOne(job, beginning, i)));
    } catch (error) {
      if (!(error instanceof LecternError && error.code === "abort")) throw error;
    }
    const begun = prompts.length === 0 ? rows : prompts;
    const all = fillUp(sequences, begun.length, options, "abort");
    const perPrompt = all.length / begun.length;
    const { maxPositionEmbeddings } = this.#parts.files.architecture.config;
    const window = job.strategy === "contrastive" ? maxPositionEmbeddings - 1 : maxPositionEmbeddings; // reads its last
    for (const [i, sequence] of sequences.entries()) {
      const at = Math.floor(i / perPrompt);
      const prompt = prompts[at] as readonly number[];
      const room = fittingNewTokens(options, prompt.length, window);
      all[i] = {
        ...sequence,
        ...(room !== undefined && { newTokensThatFit: room }),
        ...(await this.#lookInside(sequence, { job, at, prompt })),
      };
    }
    return all;
  }

  /** The sequences of a prompt that is followed by itself. */
  async #runOne(job: Job, { decoderOf, prompts, scoringDecoderOf }: DecodingStart, i: number): Promise<Sequence[]> {
    const { strategy, options, context } = job;
    const prompt = prompts[i] as readonly number[];
    if (strategy === "beams") return beamSearch(decoderOf([i]), prompt, i, options, context);
    if (strategy === "diverse beams") return diverseBeamSearch(decoderOf([i]), prompt, i, options, context);
    if (strategy === "constrained beams") return constrainedBeamSearch(decoderOf([i]), prompt, i, options, context);
    const decoder = scoringDecoderOf(i);
    if (strategy === "contrastive") return [await contrastiveSearch(decoder, prompt, i, options, context)];
    return [await this.#speculate(job, decoder, prompt, i)];
  }

  /** The session for a use, made on first need; one that shows more than plain decoding leaves weights in their file. */
  #lease({ generation, use, weights, layers }: EngineNeed): Promise<Lease<DecodingSession>> {
    const { pool, threads, device, prefixes } = this.#parts;
    const options = { threads, device, ...(use.showsAll && !weights.isQuantized && { prepack: false }) };
    const key = sessionKey(weights.version, "decode", JSON.stringify([use, layers]));
    return pool.lease(key, () => generation.open(weights, options, { use, prefixes }));
  }

  async #speculate(job: Job, decoder: Scoring, prompt: readonly number[], index: number): Promise<Sequence> {
    const { generation, options, context, rows } = job;
    if (options.promptLookupNumTokens)
      return speculate(decoder, new LookupDrafter(options), prompt, index, options, context);
    const { assistantModel = "", assistantEarlyExit: layers, numAssistantTokensSchedule: schedule } = options;
    const assistant = layers === undefined ? await this.#assistant(assistantModel) : undefined;
    const drafts = assistant?.generator ?? this;
    const { weights, feeds } = (await assistant?.requestWeights()) ?? job.own;
    const own = layers === undefined ? generating(drafts.#parts.files) : generation.withLayers(layers);
    if (!own.canRewind) throw rewindRefused(drafts.#parts.files.architecture.family.name);
    const lease = await drafts.#lease({ generation: own, use: {}, weights, layers });
    const engine = lease.session.forRequest(feeds);
    try {
      const { decoderOf } = await engine.begin([rows[index] as readonly number[]], {
        options: { decoderStartTokenId: prompt[0] as number },
        signal: context.signal,
      });
      const count = schedule === "heuristic" ? this.#guesses.get(assistantModel) : undefined;
      const drafter = new AssistantDrafter(decoderOf([0]) as CachedDecoder, options, {
        count,
        constraint: context.constraint,
      });
      const sequence = await speculate(decoder, drafter, prompt, index, options, context);
      this.#guesses.set(assistantModel, drafter.count);
      return sequence;
    } finally {
      engine.endRequest();
      lease.release();
    }
  }

  async #assistant(location: string): Promise<Assistant> {
    const known = this.#assistants.get(location);
    if (known) return known;
    const opening = (async () => {
      const assistant = await this.#parts.openAssistant(location);
      const { files, tokenizer } = assistant.generator.#parts;
      const probe = "The assistant, 1 of 2: möchte 東京?\n";
      const reads = (tokenizer: Tokenizer | undefined): string => `${tokenizer?.encode(probe).ids}`;
      const { kind, config } = this.#parts.files.architecture;
      const isSame =
        files.architecture.config.vocabSize === config.vocabSize && reads(tokenizer) === reads(this.#parts.tokenizer);
      check(
        files.architecture.kind === kind && isSame,
        "usage",
        () =>
          `generation: assistantModel ${location} must be of the same kind (${kind}) and have the model's own tokenizer`,
      );
      return assistant;
    })();
    this.#assistants.set(location, opening);
    opening.catch(() => this.#assistants.delete(location));
    return opening;
  }

  /** Computes the activations at each step of a sequence, where they are asked for, by one more pass over all of it. */
  async #lookInside(
    { outputIds }: Sequence,
    { job, at, prompt }: { readonly job: Job; readonly at: number; readonly prompt: readonly number[] },
  ): Promise<StepActivations> {
    const { outputAttentions = false, outputHiddenStates = false } = job.options;
    const { forward, feeds } = job.own;
    if (!outputAttentions && !outputHiddenStates) return {};
    const whole = [...prompt, ...outputIds.slice(0, -1)];
    const { isEncoderDecoder } = runtimeOf(this.#parts.files.architecture);
    const mask = job.request.globalAttentionMask?.[at];
    const read = { inputIds: [job.rows[at] as readonly number[]], ...(mask && { globalAttentionMask: [mask] }) };
    const inputs = isEncoderDecoder ? { ...read, decoderInputIds: [whole] } : { inputIds: [whole] };
    const pass = await forward.run(inputs, { attentions: outputAttentions, hiddenStates: outputHiddenStates }, feeds);
    return stepActivations(pass, prompt.length);
  }
}

/**
 * The decoding of tokens to text.
 * @param cleansUp false where every space counts
 */
function readingOf(tokenizer: Tokenizer | undefined, cleansUp: boolean): Pick<GenerateContext, "text" | "reading"> {
  const options = { skipSpecialTokens: true, ...(!cleansUp && { cleanUpSpaces: false }) };
  return {
    text: () => tokenizer?.stream(options) ?? { push: () => "", end: () => "" },
    reading: {
      decode: (ids) => tokenizer?.decode(ids, { skipSpecialTokens: false }) ?? "",
      replacement: tokenizer?.encode("\uFFFD", { addSpecialTokens: false }).ids,
    },
  };
}

/** As many sequences as were asked for: behind those that there are, empty ones that ended before they began. */
function fillUp(
  sequences: readonly Sequence[],
  prompts: number,
  { numReturnSequences = 1 }: GenerationOptions,
  finishReason: "abort" | "time",
): Sequence[] {
  const missing = Math.max(0, prompts * numReturnSequences - sequences.length);
  const empty = Array.from({ length: missing }, (): Sequence => ({ outputIds: [], text: "", finishReason }));
  return [...sequences, ...empty];
}

/** The time of a generation, and the prompt tokens that were there already. */
type FinishedTiming = Pick<Timing, "queueMs"> & Partial<Timing> & Partial<Pick<Usage, "cachedTokens">>;

function finished(
  inputIds: Generated["inputIds"],
  sequences: readonly Sequence[],
  { queueMs, firstTokenMs = 0, totalMs = queueMs, engineMs = 0, cachedTokens = 0, weightBytes = 0 }: FinishedTiming,
): Generated {
  const count = sequences.reduce((sum, { outputIds }) => sum + outputIds.length, 0);
  const promptTokens = inputIds.reduce((sum, { length }) => sum + length, 0);
  const usage = { promptTokens, completionTokens: count, cachedTokens };
  const tokensPerSecond = (1000 * Math.max(0, count - sequences.length)) / Math.max(1, totalMs - firstTokenMs);
  const timing = { queueMs, firstTokenMs, totalMs, tokensPerSecond, engineMs, weightBytes };
  return { inputIds, sequences, usage, timing };
}
