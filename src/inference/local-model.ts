import { LecternError, throwIfAborted } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";
import { openDirectory } from "../formats/index.ts";
import { generationFields } from "../generation/index.ts";
import { checkDevice } from "../runtime/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { openAdapted } from "./adapters/adapted-model.ts";
import { AdaptedWeights } from "./adapters/adapted-weights.ts";
import { type Adapter, readAdapter } from "./adapters/adapters.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";
import { PrefixCache } from "./cache/prefix-cache.ts";
import { type ForwardInputs, type ForwardOptions, ForwardPass, type ForwardResult } from "./forward.ts";
import { checkForward } from "./forward-check.ts";
import { Generator, type RequestWeights } from "./generator.ts";
import type {
  Generated,
  GenerateHooks,
  GenerateRequest,
  ModelDescription,
  ModelHost,
  ModelSource,
} from "./host/host.ts";
import { runtimeOf } from "./kinds/index.ts";
import { tokenizerOf } from "./load-tokenizer.ts";
import { type ModelFiles, type OpenedModelFiles, openStoredModel, readJsonFile } from "./model-files.ts";
import { type ComputedPrecision, checkDevicePrecision, computedPrecision } from "./quantize-model.ts";
import { poolLimit } from "./sessions/session-bytes.ts";
import { SessionPool } from "./sessions/session-pool.ts";
import type { ScoreInputs, TokenScore } from "./token-scores.ts";
import { checkTokenizer } from "./tokenizer-check.ts";
import { weightsIn } from "./weights-in.ts";

/** The adapter's name where a directory holds nothing else. */
const ADAPTER_OF_DIRECTORY = "default";

/** The memory that earlier texts are kept in where the caller does not say. */
const PREFIX_CACHE_BYTES = 256 * 2 ** 20;

interface LocalSettings
  extends AdmissionLimits,
    Pick<ModelSource, "threads" | "device" | "families" | "prefixCacheBytes"> {
  readonly precision: ComputedPrecision;
}

async function generationConfigOf(files: FileSource): Promise<Readonly<Record<string, unknown>> | undefined> {
  const name = "generation_config.json";
  return (await files.has(name)) ? readJsonFile(files, name) : undefined;
}

/** The weights that requests begin with, until an adapter is added. */
interface Revision {
  readonly adapted: AdaptedWeights;
  readonly forward: ForwardPass;
}

/** A model that computes in this thread. */
export class LocalModel implements ModelHost {
  readonly description: ModelDescription;
  readonly generator: Generator;
  readonly #files: ModelFiles;
  readonly #engine: Pick<ModelSource, "threads" | "device">;
  readonly #pool: SessionPool;
  readonly #prefixes: PrefixCache;
  /** Fires when the model is disposed, and ends what is being generated. */
  readonly #ending = new AbortController();
  #revision: Revision;
  /** The adapter of requests that name none. */
  #adapter: string | undefined;
  #adding: Promise<unknown> = Promise.resolve();

  private constructor(
    files: OpenedModelFiles,
    tokenizer: Tokenizer | undefined,
    generationConfig: Readonly<Record<string, unknown>>,
    { threads, device, families, precision, prefixCacheBytes = PREFIX_CACHE_BYTES, ...limits }: LocalSettings,
  ) {
    const { isEncoderDecoder, generation } = runtimeOf(files.architecture);
    const parameterCount = files.weights.parameterCount;
    this.#files = files;
    this.#engine = { threads, device };
    this.#pool = new SessionPool(poolLimit(parameterCount));
    this.#prefixes = new PrefixCache(device === "webgpu" ? 0 : prefixCacheBytes);
    this.#revision = this.#revisionOf(new AdaptedWeights(files.weights, files.architecture));
    const own = precision === "published" ? undefined : precision; // an assistant has its own file
    const ofAssistant = { threads, device, families, precision: own, keepsStored: true, prefixCacheBytes: 0 };
    const openAssistant = (location: string): Promise<LocalModel> => LocalModel.open({ location, ...ofAssistant });
    const [pool, prefixes] = [this.#pool, this.#prefixes];
    const admission = new Admission(limits, generation?.tokenBytes ?? 0, generation?.sequenceBytes);
    const shared = { threads, device, pool, prefixes, admission, openAssistant };
    this.generator = new Generator({ files, tokenizer, generationConfig, ...shared });
    const { maxPositionEmbeddings, sourcePositions = maxPositionEmbeddings } = files.architecture.config;
    this.description = {
      family: files.architecture.family.name,
      kind: files.architecture.kind,
      isEncoderDecoder,
      isEncoder: generation === undefined,
      config: files.json,
      generationConfig,
      contextWindow: sourcePositions,
      kept: "kept" in files.architecture.config ? files.architecture.config.kept : undefined,
      parameterCount,
      precision,
      device: device ?? "cpu",
      warnings: files.warnings,
      startToken: (generationConfig.bos_token_id ?? files.json.bos_token_id ?? undefined) as number | undefined,
    };
  }

  /** @param signal cancels what is read, with code `abort`; once the model is open it says nothing more */
  static async open(source: ModelSource, signal?: AbortSignal): Promise<LocalModel> {
    const opening = new AbortController();
    const stop = (): void => opening.abort();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      throwIfAborted(signal);
      return await LocalModel.#read(source, opening.signal);
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  static async #read(
    {
      location,
      base,
      device = "cpu",
      force = false,
      families,
      precision,
      keepsStored = false,
      ...settings
    }: ModelSource,
    signal: AbortSignal,
  ): Promise<LocalModel> {
    checkDevicePrecision(device, precision);
    await checkDevice(device);
    const files = await openDirectory(location, signal);
    throwIfAborted(signal);
    const [readingTokenizer, readingConfig] = [tokenizerOf(files, base), generationConfigOf(files)]; // while the weights are read
    for (const reading of [readingTokenizer, readingConfig]) reading.catch(() => {}); // reported below, behind what config.json has wrong
    const adapted = (await files.has("adapter_config.json")) ? await openAdapted(files, base) : undefined;
    const parts = adapted ?? (await openStoredModel(files, families));
    throwIfAborted(signal);
    const [tokenizer, stored] = [await readingTokenizer, await readingConfig];
    throwIfAborted(signal);
    if (tokenizer && !force) {
      const { vocabSize, sourceVocabSize = 0 } = parts.architecture.config;
      const most = Math.max(vocabSize, sourceVocabSize);
      checkTokenizer({ location, tokenizer, config: parts.json, generationConfig: stored ?? {}, vocabSize: most });
    }
    const generationConfig = stored ?? generationFields(parts.json);
    const { quantized, hasPublished } = parts.weights;
    const asked = keepsStored && (quantized || hasPublished) ? undefined : precision;
    const computed = computedPrecision(asked, parts.weights.parameterCount, { quantized, hasPublished }, device);
    const rounded: string[] = [];
    const warn = (loss: string): unknown => rounded.push(`${location}: ${loss}`);
    const weights = await weightsIn(computed, parts, { warn, signal });
    throwIfAborted(signal);
    const options = { ...settings, device, families, precision: computed };
    const warnings = [...parts.warnings, ...rounded];
    const model = new LocalModel({ ...parts, weights, warnings }, tokenizer, generationConfig, options);
    if (adapted) await model.#add(ADAPTER_OF_DIRECTORY, adapted.adapter);
    throwIfAborted(signal);
    return model;
  }

  /** Reads a LoRA adapter and makes it the default of later requests; those that run keep the weights they began with. */
  addAdapter(name: string, location: string): Promise<void> {
    const added = this.#adding.then(async () => this.#add(name, await readAdapter(location, this.#files.architecture)));
    this.#adding = added.catch(() => {});
    return added;
  }

  /** Makes an adapter that was added the default of later requests; undefined: none. Nothing is loaded or compiled again. */
  async useAdapter(name: string | undefined): Promise<void> {
    await this.#adding;
    await this.#revision.adapted.feeds(name);
    this.#adapter = name;
  }

  /**
   * The weights of a request that begins now.
   *
   * @param adapter a name; undefined: the default one; null: none
   */
  async requestWeights(adapter?: string | null): Promise<RequestWeights> {
    await this.#adding;
    const { adapted, forward } = this.#revision;
    const feeds = await adapted.feeds(adapter === undefined ? this.#adapter : (adapter ?? undefined));
    return { weights: adapted.weights, feeds, forward };
  }

  async #add(name: string, adapter: Adapter): Promise<void> {
    if (!runtimeOf(this.#files.architecture).adapters.areSupported)
      throw new LecternError("unsupported", "adapters of recurrent models are not supported: fine-tune all weights");
    const adapted = this.#revision.adapted.with(name, adapter);
    await adapted.feeds(name);
    const old = this.#revision.forward;
    this.#revision = this.#revisionOf(adapted);
    this.#adapter = name;
    this.#prefixes.clear(); // all of weights that no later request has
    await old.dispose();
  }

  #revisionOf(adapted: AdaptedWeights): Revision {
    const options = { pool: this.#pool, ...this.#engine };
    return { adapted, forward: new ForwardPass(this.#files.architecture, adapted.weights, options) };
  }

  async forward(inputs: ForwardInputs, { adapter, ...options }: ForwardOptions): Promise<ForwardResult> {
    checkForward(inputs, options, this.#files.architecture);
    const { forward, feeds } = await this.requestWeights(adapter);
    return forward.run(inputs, options, feeds);
  }

  async score(inputs: ScoreInputs, adapter?: string | null): Promise<TokenScore[][]> {
    checkForward(inputs, {}, this.#files.architecture);
    const { forward, feeds } = await this.requestWeights(adapter);
    return forward.score(inputs, feeds);
  }

  async generate(request: GenerateRequest, hooks: GenerateHooks): Promise<Generated> {
    const { signal: ended } = this.#ending;
    const signal = hooks.signal ? AbortSignal.any([hooks.signal, ended]) : ended;
    const weights = await this.requestWeights(request.adapter);
    const generated = await this.generator.generate(request, { ...hooks, signal }, weights);
    if (ended.aborted) throw new LecternError("engine", "the model was disposed");
    return generated;
  }

  /** Memory of the compiled sessions and its bound, in bytes. */
  get sessions(): { readonly bytes: number; readonly limit: number } {
    return { bytes: this.#pool.bytes, limit: this.#pool.limit };
  }

  /** Ends what is being generated, waits for passes under way, and frees all sessions. */
  async dispose(): Promise<void> {
    this.#ending.abort();
    this.#prefixes.clear();
    await this.#pool.dispose();
    await this.generator.dispose();
  }
}
